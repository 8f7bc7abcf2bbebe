import type { Access, Caller } from '#access/access.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import type { DatasetId } from '#base/ids.ts'
import { unknownDataset } from '#datasets/create-datasets.ts'
import { requireDataset } from '#datasets/require-dataset.ts'
import { primaryIdentityOf } from '#datasets/primary-identity.ts'
import { requireWritable } from '#datasets/require-writable.ts'
import { datasetOf } from '#datasets/rows.ts'
import { selectDataset } from '#metadata/datasets.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { Constraints } from '#types/constraints.ts'
import type { AcceptOptions, Accepted, CallText, MessageResult, OpenInlet } from '../streaming.ts'
import type { TableSchema } from '../table-schema.ts'
import type { RequiredPaths } from '../value-readers.ts'
import type { AcceptLog } from './accept-log.ts'
import { createBriefMemory } from './brief-memory.ts'
import { messagesMax, messagesOf } from './call-messages.ts'
import type { ConstraintLook } from './constraint-look.ts'
import { createEntityForms, type EntityForm } from './entity-form.ts'
import { flowIdsMax, payloadOf } from './entry.ts'
import {
  type Addressed,
  type CheckedRow,
  flowIdOf,
  keyOf,
  type Message,
  messageOf,
  refused,
  rowChecker,
} from './message.ts'
import { createPlainMessages } from './plain-messages.ts'

/** A dataset that the sender may load, as it was within the last second. */
interface Target {
  readonly schemaId: string
  /** What it asks of rows; of what only a load asks, where a primary identity is, messages that wait for none need nothing. */
  readonly table: () => Promise<TableSchema>
  readonly check: (entity: object) => CheckedRow
  readonly form: EntityForm
}

export interface Receiver {
  accept(inlet: OpenInlet, call: CallText, options: AcceptOptions): Promise<Accepted>
  readonly accepted: number
  readonly refused: number
}

/** Looks at messages and puts those that may be taken into the log, one entry for each dataset of a call. */
export function createReceiver({
  metadata,
  access,
  log,
  look,
  clock,
  nodeId,
}: {
  readonly metadata: Metadata
  readonly access: Access
  readonly log: AcceptLog
  readonly look: ConstraintLook
  readonly clock: Clock
  /** Of transactions' names. */
  readonly nodeId: string
}): Receiver {
  const targets = createBriefMemory<Target>()
  const formOf = createEntityForms()
  const plainMessages = createPlainMessages()
  const place = nodeId.slice(-4)
  let calls = 0
  let acceptedCount = 0
  let refusedCount = 0

  const keyOfTarget = ({ principal, sandbox }: Caller, datasetId: DatasetId) =>
    `${principal.id} ${sandbox.id} ${datasetId}`

  async function targetOf(sender: Caller, datasetId: DatasetId): Promise<Target> {
    return await targets.get(keyOfTarget(sender, datasetId), async () => {
      await requireDataset(access, sender, {
        permission: 'manage-datasets',
        datasetId,
        absent: () => unknownDataset(datasetId),
      })
      const row = await selectDataset(metadata.db, sender.sandbox.id, datasetId)
      if (!row) throw unknownDataset(datasetId)
      const dataset = datasetOf(row)
      requireWritable(dataset)
      const { schemaId, schema } = dataset
      const required = row.required_fields as RequiredPaths
      let table: Promise<TableSchema> | undefined
      return {
        schemaId,
        table: () =>
          (table ??= (async () => ({
            columns: schema,
            required,
            constraints: row.constraints as readonly Constraints[],
            identity: await primaryIdentityOf(metadata.db, sender.sandbox.id, schemaId),
          }))()),
        check: rowChecker(schema, required),
        form: formOf(datasetId, schema, required),
      }
    })
  }

  /** The rows of a call that are all certain to be taken. */
  async function plainRows(
    { inletId }: OpenInlet,
    call: CallText,
    {
      sender,
      isSynchronous,
      flowId,
    }: { readonly sender: Caller; readonly isSynchronous: boolean; readonly flowId: string | undefined },
  ): Promise<Taken | undefined> {
    const rows = await plainMessages.read(inletId, call, ({ organizationId, datasetId, schemaIds }) => {
      if (organizationId !== sender.sandbox.organizationId) return undefined
      const patternNow = ({ schemaId, form }: Target) =>
        schemaIds.every((id) => id === schemaId) ? form.pattern : undefined
      // A pattern knows nothing of constraints.
      const patternOf = isSynchronous
        ? async (target: Target) => (look.isNeededFor(await target.table()) ? undefined : patternNow(target))
        : patternNow
      const known = targets.known(keyOfTarget(sender, datasetId))
      return known ? patternOf(known) : targetOf(sender, datasetId).then(patternOf)
    })
    if (!rows || rows.length > messagesMax) return undefined
    const taken = newTaken(flowId)
    for (const { addressed, text, id } of rows) taken.add(addressed, { text, key: keyOf(id) })
    return taken
  }

  /** Looks at each message of a call. */
  async function lookedAt(
    { inletId }: OpenInlet,
    call: CallText,
    {
      sender,
      isSynchronous,
      flowId,
    }: { readonly sender: Caller; readonly isSynchronous: boolean; readonly flowId: string | undefined },
  ): Promise<Taken> {
    const looked: (Looked | AppError)[] = []
    // Within a call nothing is waited for twice.
    const known = new Map<DatasetId, Target>()
    for (const [index, value] of messagesOf(call).entries()) {
      try {
        const message = messageOf(value)
        const { datasetId } = message
        if (message.organizationId !== sender.sandbox.organizationId) {
          throw refused('$.header.imsOrgId: it is not the organisation of the inlet')
        }
        let target = known.get(datasetId)
        if (!target) known.set(datasetId, (target = await targetOf(sender, datasetId)))
        const row = rowOf(message, target, isSynchronous)
        looked.push({ message, row, target })
        if (!row.misfit) target.form.see(message.entity)
        if (index === 0 && target.form.pattern) plainMessages.learn(inletId, call, target.form.pattern)
      } catch (error) {
        // What says something of the server is said of the whole call.
        if (!(error instanceof AppError) || error.meaning.retry) throw error
        looked.push(error)
      }
    }
    const refusals = isSynchronous ? await constraintRefusals(looked, look) : undefined
    const taken = newTaken(flowId)
    for (const one of looked) {
      const refusal = one instanceof AppError ? one : refusals?.get(one)
      if (refusal) taken.refuse(refusal)
      else if (!(one instanceof AppError)) taken.add(one.message, one.row)
    }
    return taken
  }

  async function accept(
    inlet: OpenInlet,
    call: CallText,
    { sender = inlet.maker, isSynchronous, flowId: named }: AcceptOptions,
  ): Promise<Accepted> {
    const receivedAt = clock.now()
    const flowId = flowIdOf(named)
    calls += 1
    const transactionId = `${receivedAt.getTime()}:${place}:${calls}`
    const asked = { sender, isSynchronous, flowId }
    const plain = await plainRows(inlet, call, asked).catch(unlessOfServer)
    const { entries, reasons } = plain ?? (await lookedAt(inlet, call, asked))
    const common = { sandboxId: sender.sandbox.id, principalId: sender.principal.id }
    await log.append(
      [...entries].map(([datasetId, { rows, keys, flowIds }]) =>
        payloadOf(
          { datasetId, ...common, keys, ...(flowIds.size === 0 ? {} : { flowIds: [...flowIds] }) },
          rows,
        ),
      ),
    )
    const results = reasons.map((reason, index): MessageResult =>
      reason ? { isTaken: false, reason } : { isTaken: true, transactionId: `${transactionId}:${index}` },
    )
    const takenCount = reasons.filter((reason) => reason === undefined).length
    acceptedCount += takenCount
    refusedCount += reasons.length - takenCount
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

/** A message whose row may be taken, as far as its types say. */
interface Looked {
  readonly message: Message
  readonly row: CheckedRow
  readonly target: Target
}

/** Those whose rows a constraint refuses. */
async function constraintRefusals(
  looked: readonly (Looked | AppError)[],
  look: ConstraintLook,
): Promise<ReadonlyMap<Looked, AppError>> {
  const refusals = new Map<Looked, AppError>()
  const rows = looked.filter((one): one is Looked => !(one instanceof AppError))
  for (const [{ table }, ofTarget] of Map.groupBy(rows, ({ target }) => target)) {
    const reasons = await look.reasonsOf(
      await table(),
      ofTarget.map(({ message }) => message.entity),
    )
    for (const [index, one] of ofTarget.entries()) {
      const reason = reasons[index]
      if (reason !== undefined) refusals.set(one, refused(reason))
    }
  }
  return refusals
}

/** What becomes of the messages of a call. */
interface Taken {
  readonly entries: ReadonlyMap<DatasetId, TakenRows>
  /** Of each message why it is refused, in their order; undefined: it is not. */
  readonly reasons: readonly (AppError | undefined)[]
  add(addressed: Addressed, row: Pick<CheckedRow, 'text' | 'key'>): void
  refuse(reason: AppError): void
}

interface TakenRows {
  readonly rows: string[]
  readonly keys: (string | null)[]
  readonly flowIds: Set<string>
}

/** @param ofCall the flow of messages that name none */
function newTaken(ofCall: string | undefined): Taken {
  const entries = new Map<DatasetId, TakenRows>()
  const reasons: (AppError | undefined)[] = []
  return {
    entries,
    reasons,
    add: ({ datasetId, flowId = ofCall }, { text, key }) => {
      let entry = entries.get(datasetId)
      if (!entry) entries.set(datasetId, (entry = { rows: [], keys: [], flowIds: new Set() }))
      entry.rows.push(text)
      entry.keys.push(key)
      if (flowId !== undefined && entry.flowIds.size < flowIdsMax) entry.flowIds.add(flowId)
      reasons.push(undefined)
    },
    refuse: (reason) => void reasons.push(reason),
  }
}

/** Whoever looks at each message says of each why it is refused. */
function unlessOfServer(error: unknown): undefined {
  if (error instanceof AppError && !error.meaning.retry) return undefined
  throw error
}

/** @throws AppError 'ingest.invalid' */
function rowOf(
  { schemaIds, entity }: Message,
  { schemaId, check }: Target,
  isSynchronous: boolean,
): CheckedRow {
  if (schemaIds.some((id) => id !== schemaId)) {
    throw refused(`schemaRef: the dataset has the schema ${schemaId}`)
  }
  const row = check(entity)
  if (isSynchronous && row.misfit) throw refused(row.misfit.reason)
  return row
}
