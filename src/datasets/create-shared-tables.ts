import type { Access, Permission } from '#access/access.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { newBatchId, newDatasetId } from '#base/ids.ts'
import type { CommitBody, TableRequest } from '#lake/catalogue-requests.ts'
import type { Lake } from '#lake/lake.ts'
import { doorTag, selectTakenTableNames } from '#metadata/datasets.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import type { Schemas } from '#schemas/schemas.ts'
import { tableColumns } from './columns.ts'
import type { Caller, Dataset, Datasets } from './datasets.ts'
import { followTable } from './follow-table.ts'
import { isSeenWhole } from './require-dataset.ts'
import { requireWritable } from './require-writable.ts'
import type { SharedTable, SharedTables } from './shared-tables.ts'
import { chosenTableName } from './table-name.ts'

export interface SharedTablesDependencies {
  readonly metadata: Metadata
  readonly access: Access
  readonly lake: Lake
  readonly datasets: Datasets
  readonly schemas: Schemas
  readonly clock: Clock
}

/** Decisions are asked for so many tables at a time. */
const decisionsAtOnce = 16
/** Between the levels of a namespace, as clients send it; a sandbox is one level. */
const levelSeparator = '\u001f'

export function createSharedTables(dependencies: SharedTablesDependencies): SharedTables {
  const { metadata, access, lake, datasets } = dependencies

  const audit = async (
    caller: Caller,
    entry: { readonly action: string; readonly assetId: string; readonly detail?: object },
    tx?: Transaction,
  ): Promise<void> => {
    await access.audit(
      {
        principalId: caller.principal.id,
        sandboxId: caller.sandbox.id,
        assetType: 'dataset',
        status: 'Allow',
        action: entry.action,
        assetId: entry.assetId,
        detail: { door: 'iceberg', ...entry.detail },
      },
      tx,
    )
  }
  const question = (caller: Caller, permission: Permission, dataset?: Dataset) => ({
    principal: caller.principal,
    permission,
    sandboxId: caller.sandbox.id,
    ...(dataset === undefined ? {} : { datasetId: dataset.id }),
  })

  const visible = async (caller: Caller, name: string): Promise<Dataset> => {
    const dataset = await unlessDenied(async () => await datasets.find(caller, name))
    if (!dataset || dataset.tableName !== name.toLowerCase()) throw unknownTable(caller, name)
    const decision = await unlessDenied(
      async () => await access.require(question(caller, 'view-datasets', dataset)),
    )
    if (!decision) throw unknownTable(caller, name)
    if (isSeenWhole(decision)) return dataset
    throw new AppError('access.denied', `Not all of the table ${dataset.tableName} is open to you.`, {
      hint: 'Other engines read whole files. Read it with SQL, which leaves out what is not yours.',
    })
  }
  const manageable = async (caller: Caller, name: string): Promise<Dataset> => {
    const dataset = await visible(caller, name)
    await access.require(question(caller, 'manage-datasets', dataset))
    requireWritable(dataset)
    return dataset
  }

  const stage = async (caller: Caller, table: TableRequest, name: string): Promise<SharedTable> => {
    const taken = await selectTakenTableNames(metadata.db, caller.sandbox.id, [name])
    if (taken.has(name)) {
      throw new AppError('dataset.exists', `There is a table ${JSON.stringify(name)} already.`)
    }
    const { json } = await lake.stage({
      sandboxId: caller.sandbox.id,
      principalId: caller.principal.id,
      name,
      schema: tableColumns(table.schema),
      properties: table.properties,
      ...(table.dayColumn === undefined ? {} : { dayColumn: table.dayColumn }),
    })
    return { location: undefined, json }
  }

  const recordRows = async (
    tx: Transaction,
    dataset: Pick<Dataset, 'id'>,
    appended: { readonly rowCount: number; readonly bytes: number },
  ): Promise<void> => {
    if (appended.rowCount === 0) return
    await datasets.recordCommittedBatch(tx, {
      id: newBatchId(),
      datasetId: dataset.id,
      recordCount: appended.rowCount,
      bytes: appended.bytes,
      tags: { [doorTag]: ['iceberg'] },
    })
  }

  const firstCommit = async (caller: Caller, name: string, change: CommitBody): Promise<SharedTable> => {
    await access.require(question(caller, 'manage-datasets'))
    const tableName = chosenTableName(name)
    const first = {
      sandboxId: caller.sandbox.id,
      principalId: caller.principal.id,
      name: tableName,
      updates: change.updates,
    }
    const there = await datasets.find(caller, tableName)
    if (there?.tableName === tableName && (await lake.isMade(there.tableId, first))) {
      return await lake.metadata(there.tableId)
    }
    const made = await metadata.transaction(async (tx) => {
      const table = await lake.openStaged(tx, first)
      const dataset = await datasets.createIn(
        tx,
        caller,
        { name, tableName, schema: { kind: 'columns', columns: table.schema } },
        table,
      )
      await recordRows(tx, dataset, table.appended)
      await audit(caller, { action: 'update', assetId: dataset.id }, tx)
      return dataset
    })
    await faultPoint('lake.commit.after')
    return await lake.metadata(made.tableId)
  }

  return {
    namespaces: async (principal) =>
      (await access.sandboxes(principal, 'view-datasets')).map((sandbox) => sandbox.name),

    open: async (principal, namespace) => {
      // Engines look for a table's parts in `namespace + table`: of no interest to an auditor.
      if (namespace.includes(levelSeparator)) return undefined
      return await unlessDenied(async () => {
        const sandbox = await access.sandbox(principal, namespace)
        await access.require({ principal, permission: 'view-datasets', sandboxId: sandbox.id })
        return { principal, sandbox }
      })
    },

    list: async (caller) => {
      const tables = await datasets.tables(caller)
      const names: string[] = []
      for (let start = 0; start < tables.length; start += decisionsAtOnce) {
        const some = tables.slice(start, start + decisionsAtOnce)
        const decisions = await Promise.all(
          some.map(async (dataset) => await access.decide(question(caller, 'view-datasets', dataset))),
        )
        names.push(
          ...some
            .filter((_, index) => decisions[index] && isSeenWhole(decisions[index]))
            .map((dataset) => dataset.tableName),
        )
      }
      return names
    },

    check: async (caller, name) => {
      await visible(caller, name)
    },

    load: async (caller, name) => {
      const dataset = await visible(caller, name)
      const table = await lake.metadata(dataset.tableId)
      await audit(caller, { action: 'read', assetId: dataset.id })
      return table
    },

    create: async (caller, table) => {
      await access.require(question(caller, 'manage-datasets'))
      const tableName = chosenTableName(table.name)
      if (table.isStaged) return await stage(caller, table, tableName)
      const { schema, dayColumn, properties } = table
      const made = await metadata.transaction(
        async (tx) =>
          await datasets.createIn(
            tx,
            caller,
            { name: table.name, tableName, schema: { kind: 'columns', columns: schema } },
            {
              datasetId: newDatasetId(),
              dayColumn,
              create: async (tx, given) => await lake.create(tx, { ...given, properties }),
            },
          ),
      )
      return await lake.metadata(made.tableId)
    },

    commit: async (caller, name, { change, signal }) => {
      if (change.isFirst) return await firstCommit(caller, name, change)
      const dataset = await manageable(caller, name)
      const { requirements, updates } = change
      await lake.commit({
        tableId: dataset.tableId,
        requirements,
        updates,
        within: async (tx, table, appended) => {
          await followTable(dependencies, tx, { caller, datasetId: dataset.id, table })
          await recordRows(tx, dataset, appended)
          const actions = [...new Set(updates.map((update) => update.action))]
          await audit(caller, { action: 'update', assetId: dataset.id, detail: { actions } }, tx)
        },
        signal,
      })
      return await lake.metadata(dataset.tableId)
    },

    drop: async (caller, name, { isPurge, signal }) => {
      const dataset = await manageable(caller, name)
      if (isPurge) await lake.deleteRows({ tableId: dataset.tableId, condition: { sql: 'TRUE' }, signal })
      await datasets.delete(caller, dataset.id)
    },
  }
}

/** The denial is in the audit. */
async function unlessDenied<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof AppError && error.code === 'access.denied') return undefined
    throw error
  }
}

/** Also for those who may not know that it is there. */
function unknownTable({ sandbox }: Caller, name: string): AppError {
  return new AppError(
    'dataset.unknown',
    `Table does not exist: ${sandbox.name}.${name.slice(0, 80)}. A table is named as in SQL.`,
  )
}
