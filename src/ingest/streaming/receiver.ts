import type { Access, Caller } from '#access/access.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import type { DatasetId } from '#base/ids.ts'
import { unknownDataset } from '#datasets/create-datasets.ts'
import { requireDataset } from '#datasets/require-dataset.ts'
import { datasetOf } from '#datasets/rows.ts'
import { selectDataset } from '#metadata/datasets.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { AcceptOptions, Accepted, MessageResult, OpenInlet } from '../streaming.ts'
import type { RequiredPaths } from '../value-readers.ts'
import type { AcceptLog } from './accept-log.ts'
import { createBriefMemory } from './brief-memory.ts'
import { payloadOf } from './entry.ts'
import { type CheckedRow, messageOf, refused, rowChecker } from './message.ts'

/** A body holds no more that can be taken; of what cannot be it could, and each has its answer. */
const messagesMax = 10_000

/** A dataset that the sender may load, as it was within the last second. */
interface Target {
  readonly schemaId: string
  readonly check: (entity: object) => CheckedRow
}

export interface Receiver {
  accept(inlet: OpenInlet, messages: readonly unknown[], options: AcceptOptions): Promise<Accepted>
  readonly accepted: number
  readonly refused: number
}

/** Looks at messages and puts those that may be taken into the log, one entry for each dataset of a call. */
export function createReceiver({
  metadata,
  access,
  log,
  clock,
  nodeId,
}: {
  readonly metadata: Metadata
  readonly access: Access
  readonly log: AcceptLog
  readonly clock: Clock
  /** Of transactions' names. */
  readonly nodeId: string
}): Receiver {
  const targets = createBriefMemory<Target>()
  const place = nodeId.slice(-4)
  let calls = 0
  let acceptedCount = 0
  let refusedCount = 0

  async function targetOf(sender: Caller, datasetId: DatasetId): Promise<Target> {
    const key = `${sender.principal.id} ${sender.sandbox.id} ${datasetId}`
    return await targets.get(key, async () => {
      await requireDataset(access, sender, {
        permission: 'manage-datasets',
        datasetId,
        absent: () => unknownDataset(datasetId),
      })
      const row = await selectDataset(metadata.db, sender.sandbox.id, datasetId)
      if (!row) throw unknownDataset(datasetId)
      const { schemaId, schema } = datasetOf(row)
      return { schemaId, check: rowChecker(schema, row.required_fields as RequiredPaths) }
    })
  }

  async function checked(
    sender: Caller,
    value: unknown,
    isSynchronous: boolean,
  ): Promise<CheckedRow & { readonly datasetId: DatasetId }> {
    const { datasetId, organizationId, schemaIds, entity } = messageOf(value)
    if (organizationId !== sender.sandbox.organizationId) {
      throw refused('$.header.imsOrgId: it is not the organisation of the inlet')
    }
    const { schemaId, check } = await targetOf(sender, datasetId)
    if (schemaIds.some((id) => id !== schemaId)) {
      throw refused(`schemaRef: the dataset has the schema ${schemaId}`)
    }
    const row = check(entity)
    if (isSynchronous && row.misfit) throw refused(row.misfit.reason)
    return { ...row, datasetId }
  }

  async function accept(
    { maker }: OpenInlet,
    messages: readonly unknown[],
    { sender = maker, isSynchronous }: AcceptOptions,
  ): Promise<Accepted> {
    if (messages.length > messagesMax) {
      throw new AppError(
        'request.invalid',
        `One call has at most ${messagesMax} messages, ${messages.length} came.`,
      )
    }
    const receivedAt = clock.now()
    calls += 1
    const transactionId = `${receivedAt.getTime()}:${place}:${calls}`
    const results: MessageResult[] = []
    const entries = new Map<DatasetId, { readonly rows: string[]; readonly keys: (string | null)[] }>()
    for (const [index, message] of messages.entries()) {
      try {
        const { datasetId, text, key } = await checked(sender, message, isSynchronous)
        let entry = entries.get(datasetId)
        if (!entry) entries.set(datasetId, (entry = { rows: [], keys: [] }))
        entry.rows.push(text)
        entry.keys.push(key)
        results.push({ isTaken: true, transactionId: `${transactionId}:${index}` })
      } catch (error) {
        // What says something of the server is said of the whole call.
        if (!(error instanceof AppError) || error.meaning.retry) throw error
        results.push({ isTaken: false, reason: error })
      }
    }
    const common = { sandboxId: sender.sandbox.id, principalId: sender.principal.id }
    await log.append(
      [...entries].map(([datasetId, { rows, keys }]) => payloadOf({ datasetId, ...common, keys }, rows)),
    )
    const taken = results.filter(({ isTaken }) => isTaken).length
    acceptedCount += taken
    refusedCount += results.length - taken
    return { receivedAt, transactionId, results }
  }

  return {
    accept,
    get accepted() {
      return acceptedCount
    },
    get refused() {
      return refusedCount
    },
  }
}
