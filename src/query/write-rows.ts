import { AppError } from '#base/errors.ts'
import type { Dataset } from '#datasets/datasets.ts'
import type { AppendResult } from '#lake/lake.ts'
import { structType } from '#types/data-type.ts'
import { findTable, unknownTable } from './catalogue.ts'
import { runningStatement } from './engine-rows.ts'
import { planQuery, type PlannedQuery } from './plan-query.ts'
import type { Statement } from './query.ts'
import type { Scope } from './scope.ts'
import { assignColumns } from './store-assignment.ts'
import { stoppable } from './stop-signal.ts'

type StatementOf<K extends Statement['kind']> = Extract<Statement, { readonly kind: K }>

/** Appends a query's rows to a table, as one batch. */
export async function insert(scope: Scope, statement: StatementOf<'insert'>): Promise<number> {
  const { journal, step } = scope
  const dataset = await findTable(scope, statement.table.parts)
  if (!dataset) throw unknownTable(statement.table)
  await requireManage(scope, dataset)
  const done = await committed(scope, dataset)
  if (done) return done.rowCount
  const pins = await journal.pins(step)
  const planned = await planQuery(scope, statement.query, pins)
  await pins.keep()
  return (await appendRows(scope, { dataset, planned, statement })).rowCount
}

/** The rows are stored already when an earlier attempt of this run did it. */
async function committed(scope: Scope, dataset: Dataset): Promise<AppendResult | undefined> {
  const { services, journal, step } = scope
  if (!journal.mark) return undefined
  return await services.lake.committedBatch(dataset.tableId, journal.batchId(step))
}

async function appendRows(
  scope: Scope,
  {
    dataset,
    planned,
    statement,
  }: {
    readonly dataset: Dataset
    readonly planned: PlannedQuery
    readonly statement: StatementOf<'insert'> | StatementOf<'createTableAs'>
  },
): Promise<AppendResult> {
  const { services, journal } = scope
  const batchId = journal.batchId(scope.step)
  const sql = assignColumns({
    sql: planned.sql,
    columns: planned.columns,
    target: dataset.schema,
    names: statement.kind === 'insert' ? statement.columns : undefined,
    position: statement.query.position,
  })
  const running = runningStatement(scope)
  return await running.wait(() =>
    services.lake.append({
      tableId: dataset.tableId,
      batchId,
      source: {
        sql,
        files: [],
        lakeFiles: planned.files,
        pool: scope.pool,
        inTurn: (work) => running.inTurn(work),
      },
      within: async (tx, result) => {
        await journal.assertHeld(tx)
        await services.datasets.recordCommittedBatch(tx, {
          id: batchId,
          datasetId: dataset.id,
          recordCount: result.rowCount,
          bytes: result.bytes,
        })
      },
      signal: running.signal,
    }),
  )
}

/** Undefined: the table was there and IF NOT EXISTS was said. */
export async function createTableAs(
  scope: Scope,
  statement: StatementOf<'createTableAs'>,
): Promise<number | undefined> {
  refuseOptions(statement)
  const { journal, step } = scope
  const name = statement.table.parts.at(-1) ?? ''
  const existing = await findTable(scope, statement.table.parts)
  const isOurs = existing !== undefined && isMarked(scope, existing)
  if (existing && !isOurs) {
    if (!statement.ifNotExists) throw tableExists(name)
    scope.notice(`There is a table ${JSON.stringify(existing.tableName)} already; nothing was done.`)
    return undefined
  }
  const done = existing && (await committed(scope, existing))
  if (done) return done.rowCount
  const pins = await journal.pins(step)
  const planned = await planQuery(scope, statement.query, pins)
  await pins.keep()
  const dataset = existing ?? (await createDataset(scope, name, planned))
  if (!dataset) return undefined
  try {
    return (await appendRows(scope, { dataset, planned, statement })).rowCount
  } catch (error) {
    await removeUnfilled(scope, dataset, error)
    throw error
  }

  async function createDataset(
    scope: Scope,
    name: string,
    planned: PlannedQuery,
  ): Promise<Dataset | undefined> {
    const mark = journal.mark?.(step)
    try {
      return await scope.services.metadata.transaction(async (tx) => {
        await journal.assertHeld(tx)
        return await scope.services.datasets.createIn(tx, scope.caller, {
          name,
          tableName: name.toLowerCase(),
          schema: { kind: 'columns', columns: structType(planned.columns) },
          ...(mark === undefined ? {} : { tags: { [markTag]: [mark] } }),
        })
      })
    } catch (error) {
      const exists = error instanceof AppError && error.code === 'dataset.exists'
      if (!exists || !statement.ifNotExists) throw error
      scope.notice(`There is a table ${JSON.stringify(name)} already; nothing was done.`)
      return undefined
    }
  }
}

/** Dataset and rows appear in two commits; a run finds by this tag a table it made and did not fill. */
const markTag = 'sluice/query-step'

function isMarked({ journal, step }: Scope, dataset: Dataset): boolean {
  return journal.mark !== undefined && (dataset.tags[markTag]?.includes(journal.mark(step)) ?? false)
}

/** A statement that fails leaves no table. One that will be tried again finds its table by the mark. */
async function removeUnfilled(scope: Scope, dataset: Dataset, error: unknown): Promise<void> {
  const { journal, services, caller, signal } = scope
  if (journal.mark !== undefined && (signal.aborted || !(error instanceof AppError) || error.meaning.retry))
    return
  try {
    await services.metadata.transaction((tx) => journal.assertHeld(tx))
    await services.datasets.delete(caller, dataset.id)
  } catch (deleteError) {
    // The statement's own failure is what the caller must hear; an empty table is left, which DROP TABLE removes.
    services.logger.log('warn', 'query.table_left', { datasetId: dataset.id, error: deleteError })
  }
}

export async function dropTable(scope: Scope, statement: StatementOf<'dropTable'>): Promise<void> {
  const { services, caller, journal, step, signal } = scope
  if (signal.aborted) await stoppable(signal, async () => {})
  const dataset = await findTable(scope, statement.table.parts)
  if (!dataset) {
    if (journal.dropped(step) !== undefined) return // An earlier attempt of this run did it.
    if (!statement.ifExists) throw unknownTable(statement.table)
    scope.notice(`There is no table ${JSON.stringify(statement.table.parts.join('.'))}; nothing was done.`)
    return
  }
  const dropped = journal.dropped(step)
  // This table is another one, made since by a later step of this run.
  if (dropped !== undefined && dropped !== dataset.id) return
  await journal.recordDrop(step, dataset.id)
  await services.datasets.delete(caller, dataset.id)
}

async function requireManage({ services, caller }: Scope, dataset: Dataset): Promise<void> {
  await services.access.require({
    principal: caller.principal,
    permission: 'datasets.manage',
    sandboxId: caller.sandbox.id,
    datasetId: dataset.id,
  })
}

function refuseOptions({ table, isTemporary, options }: StatementOf<'createTableAs'>): void {
  const refused = (what: string): AppError =>
    new AppError('query.unsupported', `${what} is not supported yet.`, { position: table.position })
  if (isTemporary) throw refused('CREATE TEMP TABLE')
  // Rows are always checked against the columns; that option only says so or not.
  const [other] = Object.keys(options).filter((name) => name !== 'rowvalidation')
  if (other !== undefined) throw refused(`The option ${other} of CREATE TABLE`)
}

function tableExists(name: string): AppError {
  return new AppError('dataset.exists', `There is a table ${JSON.stringify(name)} already.`, {
    hint: 'Choose another name, or say CREATE TABLE IF NOT EXISTS.',
  })
}
