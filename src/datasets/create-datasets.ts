import type { Access, Permission } from '#access/access.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { type DatasetId, newDatasetId } from '#base/ids.ts'
import type { Lake } from '#lake/lake.ts'
import { insertBatchOnce, selectBatch, selectBatches, selectBatchFigures } from '#metadata/batches.ts'
import { cancelDatasetExpirations } from '#metadata/dataset-expirations.ts'
import {
  insertDataset,
  lockDataset,
  markDeletedWithSamples,
  removeTag,
  selectDataset,
  selectDatasetByName,
  selectDatasets,
  selectDatasetSandbox,
  selectTables,
  setManagedBy,
} from '#metadata/datasets.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import type { Schemas } from '#schemas/schemas.ts'
import { addColumns } from './add-columns.ts'
import { tableColumns } from './columns.ts'
import {
  type Batch,
  type Caller,
  type Dataset,
  type Datasets,
  type NewDataset,
  type TableMaking,
} from './datasets.ts'
import { freeTableName } from './free-table-name.ts'
import { changeLabels, hasLabels, labelsOf } from './labels.ts'
import { layoutOf } from './layout.ts'
import { likeOf } from './name-pattern.ts'
import { withOwnTags } from './own-tags.ts'
import { requireDataset } from './require-dataset.ts'
import { requireWritable } from './require-writable.ts'
import { checkRowExpiration } from './row-retention.ts'
import { batchOf, datasetOf } from './rows.ts'
import { schemaIdOf } from './schema-id.ts'
import { changeDataset, isForProfiles, requireUnion } from './update.ts'

const datasetNameLengthMax = 255
const listLimitMax = 1_000

export interface DatasetsDependencies {
  readonly metadata: Metadata
  readonly access: Access
  readonly lake: Lake
  readonly schemas: Schemas
  readonly clock: Clock
}

export function createDatasets({ metadata, access, lake, schemas, clock }: DatasetsDependencies): Datasets {
  const { db } = metadata
  const require = async (caller: Caller, permission: Permission, datasetId?: DatasetId): Promise<void> => {
    const { principal, sandbox, rightsRevision } = caller
    if (datasetId === undefined)
      await access.require({ principal, permission, sandboxId: sandbox.id, rightsRevision })
    else {
      const absent = () => unknownDataset(datasetId)
      await requireDataset(access, caller, { permission, datasetId, absent })
    }
  }
  const audit = async (
    caller: Caller,
    change: { readonly action: string; readonly assetType: string; readonly assetId: string },
    tx: Transaction,
  ): Promise<void> => {
    await access.audit(
      { principalId: caller.principal.id, sandboxId: caller.sandbox.id, status: 'Allow', ...change },
      tx,
    )
  }

  const seen = async (caller: Caller, ids: readonly DatasetId[]) =>
    await access.decideDatasets(
      { principal: caller.principal, permission: 'view-datasets', sandboxId: caller.sandbox.id },
      ids,
    )
  /** A page of what may be seen: as many as asked for, as long as there are more. */
  const visible = async <Row>(
    caller: Caller,
    page: {
      readonly limit: number
      readonly more: (skip: number) => Promise<readonly Row[]>
      readonly datasetOf: (row: Row) => DatasetId
    },
  ): Promise<Row[]> => {
    const shown: Row[] = []
    for (let skip = 0; ; skip += page.limit) {
      const rows = await page.more(skip)
      const allowed = await seen(caller, rows.map(page.datasetOf))
      shown.push(...rows.filter((row) => allowed.has(page.datasetOf(row))))
      if (rows.length < page.limit || rows.length === 0 || shown.length >= page.limit) break
    }
    return shown.slice(0, page.limit)
  }

  const createAllowed = async (
    tx: Transaction,
    caller: Caller,
    dataset: NewDataset,
    making?: TableMaking,
  ): Promise<Dataset> => {
    const { name } = dataset
    if (name.length < 1 || name.length > datasetNameLengthMax || name.includes('\0')) {
      throw new AppError(
        'request.invalid',
        `The name of a dataset has 1 to ${datasetNameLengthMax} characters, ${name.length} came.`,
      )
    }
    const now = clock.now()
    const schema =
      dataset.schema.kind === 'columns'
        ? await schemas.useColumns(tx, caller, { title: name, columns: tableColumns(dataset.schema.columns) })
        : await schemas.use(tx, caller, await schemaIdOf(tx, caller, dataset.schema))
    if (isForProfiles(dataset.tags ?? {})) await requireUnion(tx, schemas, caller, schema.id)
    const layout = layoutOf(schema.columns, schema)
    const tableName = await freeTableName(tx, caller, dataset)
    const id = making?.datasetId ?? newDatasetId()
    const dayColumn = making ? making.dayColumn : layout.dayColumn
    const table = await (making ?? lake).create(tx, {
      datasetId: id,
      sandboxId: caller.sandbox.id,
      schema: schema.columns,
      ...(dayColumn === undefined ? {} : { dayColumn }),
      ...(layout.clusterBy.length === 0 ? {} : { clusterBy: layout.clusterBy }),
    })
    const made: Dataset = {
      id,
      sandboxId: caller.sandbox.id,
      name,
      description: dataset.description ?? '',
      tableName,
      tableId: table.id,
      schemaId: schema.id,
      schema: schema.columns,
      behavior: layout.behavior,
      managedBy: 'CUSTOMER',
      tags: { ...dataset.tags, 'adobe/pqs/table': [tableName] },
      properties: dataset.properties ?? {},
      version: 0,
      createdAt: now,
      updatedAt: now,
      createdBy: caller.principal.id,
    }
    checkRowExpiration(made)
    await insertDataset(tx, {
      id,
      sandbox_id: made.sandboxId,
      name,
      description: made.description,
      table_name: tableName,
      table_id: made.tableId,
      schema_id: made.schemaId,
      columns: JSON.stringify(made.schema),
      required_fields: JSON.stringify(schema.required),
      constraints: JSON.stringify(schema.constraints),
      behavior: made.behavior,
      tags: JSON.stringify(made.tags),
      properties: JSON.stringify(made.properties),
      version: made.version,
      created_at: now,
      updated_at: now,
      created_by: caller.principal.id,
      deleted_at: null,
    })
    await audit(caller, { action: 'create', assetType: 'dataset', assetId: id }, tx)
    return made
  }

  return {
    async create(caller, dataset) {
      await require(caller, 'manage-datasets')
      const plain = { ...dataset, tags: withOwnTags(dataset.tags ?? {}, {}) }
      return await metadata.transaction((tx) => createAllowed(tx, caller, plain))
    },

    async createIn(tx, caller, dataset, table) {
      await require(caller, 'manage-datasets')
      return await createAllowed(tx, caller, dataset, table)
    },

    async get(caller, datasetId) {
      await require(caller, 'view-datasets', datasetId)
      const row = await selectDataset(db, caller.sandbox.id, datasetId)
      if (!row) throw unknownDataset(datasetId)
      return datasetOf(row)
    },

    async find(caller, name) {
      await require(caller, 'view-datasets')
      const row = await selectDatasetByName(db, caller.sandbox.id, name)
      if (!row) return undefined
      try {
        await require(caller, 'view-datasets', row.id)
      } catch (error) {
        if (error instanceof AppError && error.code === 'dataset.unknown') return undefined
        throw error
      }
      return datasetOf(row)
    },

    async list(caller, page) {
      await require(caller, 'view-datasets')
      const { namePattern, ...rest } = page
      const limit = limitOf(page.limit)
      const like = namePattern === undefined ? {} : { nameLike: likeOf(namePattern) }
      const shown = await visible(caller, {
        limit,
        more: (skip) =>
          selectDatasets(db, caller.sandbox.id, { ...rest, ...like, limit, start: page.start + skip }),
        datasetOf: ({ id }) => id,
      })
      return shown.map(datasetOf)
    },

    async update(caller, datasetId, change) {
      await require(caller, 'manage-datasets', datasetId)
      return await metadata.transaction(async (tx) => {
        const changed = await changeDataset({ tx, schemas, caller, now: clock.now() }, datasetId, change)
        if (!changed) throw unknownDataset(datasetId)
        await audit(caller, { action: 'update', assetType: 'dataset', assetId: datasetId }, tx)
        return changed
      })
    },

    async labels(caller, datasetId) {
      await require(caller, 'view-datasets', datasetId)
      const row = await selectDataset(db, caller.sandbox.id, datasetId)
      if (!row) throw unknownDataset(datasetId)
      const labels = labelsOf(row)
      if (hasLabels(labels)) return labels
      throw new AppError('labels.unknown', 'The dataset has no labels.', { hint: 'Give it some by POST.' })
    },

    async putLabels(caller, { datasetId, labels, ifMatch }) {
      await require(caller, 'apply-data-usage-labels', datasetId)
      return await metadata.transaction(async (tx) => {
        const changed = await changeLabels(tx, caller, { datasetId, labels, ifMatch })
        if (!changed) throw unknownDataset(datasetId)
        await audit(caller, { action: 'update', assetType: 'dataset labels', assetId: datasetId }, tx)
        return changed
      })
    },

    async delete(caller, datasetId) {
      await require(caller, 'manage-datasets', datasetId)
      await metadata.transaction(async (tx) => {
        const at = clock.now()
        const by = { updated_at: at, updated_by: caller.principal.id }
        // Before the dataset, as an end that comes in this moment locks them.
        await cancelDatasetExpirations(tx, [datasetId], by)
        const row = await lockDataset(tx, caller.sandbox.id, datasetId)
        if (!row) throw unknownDataset(datasetId)
        requireWritable(datasetOf(row))
        const deleted = await markDeletedWithSamples(tx, caller.sandbox.id, datasetId, at)
        await cancelDatasetExpirations(tx, deleted, by)
        for (const assetId of deleted) {
          await audit(caller, { action: 'delete', assetType: 'dataset', assetId }, tx)
        }
      })
    },

    async setManagedBy(caller, datasetId, managedBy) {
      await require(caller, 'manage-datasets', datasetId)
      if (managedBy === 'CUSTOMER') await require(caller, 'administer-organization')
      await metadata.transaction(async (tx) => {
        if (!(await setManagedBy(tx, caller.sandbox.id, datasetId, managedBy)))
          throw unknownDataset(datasetId)
        // One that cannot be deleted does not end, either.
        if (managedBy === 'SYSTEM')
          await cancelDatasetExpirations(tx, [datasetId], {
            updated_at: clock.now(),
            updated_by: caller.principal.id,
          })
        await audit(caller, { action: 'update', assetType: 'dataset', assetId: datasetId }, tx)
      })
    },

    async addColumns(tx, caller, added) {
      await require(caller, 'manage-datasets', added.datasetId)
      if (!(await addColumns({ schemas, lake, clock }, tx, { caller, ...added }))) {
        throw unknownDataset(added.datasetId)
      }
      await audit(caller, { action: 'update', assetType: 'dataset', assetId: added.datasetId }, tx)
    },

    async tables(caller) {
      await require(caller, 'view-datasets')
      const rows = await selectTables(db, caller.sandbox.id)
      const allowed = await seen(
        caller,
        rows.map(({ id }) => id),
      )
      return rows.filter(({ id }) => allowed.has(id)).map(datasetOf)
    },

    async batch(caller, batchId): Promise<Batch> {
      await require(caller, 'view-datasets')
      const row = await selectBatch(db, caller.sandbox.id, batchId)
      if (!row) throw unknownBatch(batchId)
      const absent = () => unknownBatch(batchId)
      await requireDataset(access, caller, {
        permission: 'view-datasets',
        datasetId: row.dataset_id,
        absent,
      })
      return batchOf(row, (await selectBatchFigures(db, [row.id])).get(row.id))
    },

    async batches(caller, filter) {
      await require(caller, 'view-datasets')
      const limit = limitOf(filter.limit)
      const shown = await visible(caller, {
        limit,
        more: (skip) =>
          selectBatches(db, caller.sandbox.id, { ...filter, limit, start: filter.start + skip }),
        datasetOf: (row) => row.dataset_id,
      })
      const figures = await selectBatchFigures(
        db,
        shown.map(({ id }) => id),
      )
      return shown.map((row) => batchOf(row, figures.get(row.id)))
    },

    async lockForRows(tx, datasetId) {
      if ((await selectDatasetSandbox(tx, datasetId)) === undefined) throw unknownDataset(datasetId)
    },

    async recordCommittedBatch(tx, batch) {
      const sandboxId = await selectDatasetSandbox(tx, batch.datasetId)
      if (sandboxId === undefined) throw unknownDataset(batch.datasetId)
      const now = clock.now()
      await insertBatchOnce(tx, {
        id: batch.id,
        dataset_id: batch.datasetId,
        sandbox_id: sandboxId,
        state: 'success',
        format: 'sql',
        created_at: now,
        updated_at: now,
        completed_at: now,
        record_count: batch.recordCount,
        failed_record_count: 0,
        errors: '[]',
        bytes: batch.bytes,
        tags: JSON.stringify(batch.tags ?? {}),
        created_by: null,
      })
    },

    removeTag,
  }
}

export function unknownDataset(id: string): AppError {
  return new AppError(
    'dataset.unknown',
    `There is no dataset ${JSON.stringify(id.slice(0, 80))} in this sandbox.`,
    {
      hint: 'List the datasets to see their ids and names.',
    },
  )
}

export function unknownBatch(id: string): AppError {
  return new AppError(
    'batch.unknown',
    `There is no batch ${JSON.stringify(id.slice(0, 80))} in this sandbox.`,
  )
}

function limitOf(limit: number): number {
  return Math.min(Math.max(Math.trunc(limit), 0), listLimitMax)
}
