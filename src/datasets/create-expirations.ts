import { randomUUID } from 'node:crypto'
import type { Access } from '#access/access.ts'
import { AppError } from '#base/errors.ts'
import type { Clock } from '#base/clock.ts'
import type { Jobs } from '#jobs/jobs.ts'
import type { Lake } from '#lake/lake.ts'
import {
  type DatasetExpirationRow,
  insertDatasetExpiration,
  lockDatasetExpiration,
  selectDatasetExpiration,
  selectDatasetExpirations,
  updateDatasetExpiration,
} from '#metadata/dataset-expirations.ts'
import { selectDataset } from '#metadata/datasets.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import { unknownDataset } from './create-datasets.ts'
import type { Caller } from './datasets.ts'
import { expireDataset, expireKind } from './expire-dataset.ts'
import type { Expirations } from './expirations.ts'
import { requireDataset } from './require-dataset.ts'
import { requireWritable } from './require-writable.ts'
import { datasetOf } from './rows.ts'

const textLengthMax = 4_000

export interface ExpirationsDependencies {
  readonly metadata: Metadata
  readonly access: Access
  readonly lake: Lake
  readonly jobs: Jobs
  readonly clock: Clock
}

/** Registers the handler of the ends: to be called before the jobs start. */
export function createExpirations(dependencies: ExpirationsDependencies): Expirations {
  const { metadata, access, jobs, clock } = dependencies
  jobs.register({
    kind: expireKind,
    parallelRunsMax: 1,
    run: async (context) => await expireDataset(dependencies, context),
  })

  const require = async (
    caller: Caller,
    permission: 'view-data-hygiene' | 'manage-data-hygiene',
    row?: Pick<DatasetExpirationRow, 'dataset_id' | 'id'>,
  ): Promise<void> => {
    if (!row) {
      await access.require({ principal: caller.principal, permission, sandboxId: caller.sandbox.id })
      return
    }
    const absent = () => unknown(row.id)
    await requireDataset(access, caller, { permission, datasetId: row.dataset_id, absent })
  }

  async function found(caller: Caller, id: string): Promise<DatasetExpirationRow> {
    const row = await selectDatasetExpiration(metadata.db, caller.sandbox.id, id)
    if (!row) throw unknown(id)
    return row
  }

  /** Each time that is set has a run of its own, which does nothing when the end is another by then. */
  async function enqueue(tx: Transaction, caller: Caller, row: Pick<DatasetExpirationRow, 'id' | 'expiry'>) {
    await jobs.enqueue(tx, {
      kind: expireKind,
      subjectId: row.id,
      tick: row.expiry.toISOString(),
      dueAt: row.expiry,
      principalId: caller.principal.id,
      sandboxId: caller.sandbox.id,
      payload: {},
    })
  }

  async function audit(tx: Transaction, caller: Caller, action: string, row: DatasetExpirationRow) {
    await access.audit(
      {
        principalId: caller.principal.id,
        sandboxId: caller.sandbox.id,
        action,
        assetType: 'Dataset Expiration',
        assetId: row.id,
        status: 'Allow',
        detail: { datasetId: row.dataset_id, expiry: row.expiry.toISOString() },
      },
      tx,
    )
  }

  /** Changes one that is pending. */
  async function change(
    caller: Caller,
    id: string,
    action: 'update' | 'cancel',
    values: Partial<Pick<DatasetExpirationRow, 'status' | 'expiry' | 'display_name' | 'description'>>,
  ): Promise<DatasetExpirationRow> {
    const known = await found(caller, id)
    await require(caller, 'manage-data-hygiene', known)
    const row = await metadata.transaction(async (tx) => {
      const current = await lockDatasetExpiration(tx, known.id)
      if (!current) throw unknown(id)
      if (current.status !== 'pending') {
        throw new AppError('expiration.state', `The expiration ${known.id} is ${current.status}.`, {
          hint: 'Only one that is pending can be changed or cancelled.',
        })
      }
      const { is_due: _, ...before } = current
      const after = { ...before, ...values, updated_at: clock.now(), updated_by: caller.principal.id }
      await updateDatasetExpiration(tx, known.id, after)
      if (values.expiry) await enqueue(tx, caller, after)
      await audit(tx, caller, action, after)
      return after
    })
    jobs.ring()
    return row
  }

  return {
    create: async (caller, { datasetId, expiry, displayName, description }) => {
      await requireDataset(access, caller, {
        permission: 'manage-data-hygiene',
        datasetId,
        absent: () => unknownDataset(datasetId),
      })
      checkTime(expiry, clock.now())
      checkTexts(displayName, description)
      const dataset = await selectDataset(metadata.db, caller.sandbox.id, datasetId)
      if (!dataset) throw unknownDataset(datasetId)
      requireWritable(datasetOf(dataset))
      const now = clock.now()
      const row: DatasetExpirationRow = {
        id: `SD-${randomUUID()}`,
        sandbox_id: caller.sandbox.id,
        dataset_id: datasetId,
        dataset_name: dataset.name,
        display_name: displayName,
        description,
        status: 'pending',
        expiry,
        created_at: now,
        updated_at: now,
        updated_by: caller.principal.id,
      }
      await metadata.transaction(async (tx) => {
        if (!(await insertDatasetExpiration(tx, row))) {
          throw new AppError('expiration.exists', `The dataset ${datasetId} has an expiration.`, {
            hint: 'Change that one with PUT.',
          })
        }
        await enqueue(tx, caller, row)
        await audit(tx, caller, 'create', row)
      })
      jobs.ring()
      return row
    },
    get: async (caller, id) => {
      const row = await found(caller, id)
      await require(caller, 'view-data-hygiene', row)
      return row
    },
    list: async (caller, filter) => {
      await require(caller, 'view-data-hygiene')
      const rows = await selectDatasetExpirations(metadata.db, caller.sandbox.id, filter)
      const question = {
        principal: caller.principal,
        permission: 'view-data-hygiene',
        sandboxId: caller.sandbox.id,
      } as const
      const seen = await access.decideDatasets(question, [...new Set(rows.map((row) => row.dataset_id))])
      return rows.filter((row) => seen.has(row.dataset_id))
    },
    update: async (caller, id, { expiry, displayName, description }) => {
      if (expiry) checkTime(expiry, clock.now())
      checkTexts(displayName ?? '', description ?? '')
      return await change(caller, id, 'update', {
        ...(expiry ? { expiry } : {}),
        ...(displayName === undefined ? {} : { display_name: displayName }),
        ...(description === undefined ? {} : { description }),
      })
    },
    cancel: async (caller, id) => {
      await change(caller, id, 'cancel', { status: 'cancelled' })
    },
  }
}

function checkTime(expiry: Date, now: Date): void {
  if (expiry > now) return
  throw new AppError('request.invalid', `expiry: ${expiry.toISOString()} is past.`, {
    hint: 'Delete the dataset to be rid of it now.',
  })
}

function checkTexts(...texts: readonly string[]): void {
  if (texts.every((text) => text.length <= textLengthMax && !text.includes('\0'))) return
  throw new AppError(
    'request.invalid',
    `displayName and description have at most ${textLengthMax} characters.`,
  )
}

function unknown(id: string): AppError {
  return new AppError('expiration.unknown', `There is no expiration ${id.slice(0, 80)}.`)
}
