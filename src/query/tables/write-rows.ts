import { AppError } from '#base/errors.ts'
import type { Dataset } from '#datasets/datasets.ts'
import { requireWritable } from '#datasets/require-writable.ts'
import { isComplex } from '#encode/text.ts'
import type { AppendResult } from '#lake/lake.ts'
import { columnsOfParameters } from '#sql/parameters.ts'
import type { DataType } from '#types/data-type.ts'
import { askedOfRows, checkedRows } from './checked-rows.ts'
import { runningStatement } from '../rows/engine-rows.ts'
import { findAnyTable } from '../names/find-table.ts'
import { refuseReferenced, removeMember } from '../names/memberships.ts'
import { locate } from '../names/names.ts'
import { isMadeBefore, madeTag } from './new-table.ts'
import { planQuery, type PlannedQuery } from '../rows/plan-query.ts'
import type { StatementOf } from '../query.ts'
import { requireGeneral, requireManage } from '../names/rights.ts'
import { rowsToStore } from '../rows/rows-to-store.ts'
import type { Scope } from '../scope.ts'
import { stoppable } from '../rows/stop-signal.ts'
import { assignColumns, type Fitting } from './store-assignment.ts'
import { fillerTag } from '../names/temporary-tables.ts'
import { unknownTable, unlessDropped } from '../names/unknown-table.ts'
import { orMissing, unlessRemoved } from '../rows/unless-removed.ts'

/** Appends a query's rows to a table, as one batch. */
export async function insert(scope: Scope, statement: StatementOf<'insert'>): Promise<number> {
  await requireGeneral(scope, ['batch-queries', 'manage-datasets'])
  const { journal, step } = scope
  const dataset = await findAnyTable(scope, statement.table.parts)
  if (!dataset) throw await unknownTable(scope, statement.table)
  await requireManage(scope, dataset)
  requireWritable(dataset)
  const done = await committed(scope, dataset)
  if (done) return done.rowCount
  return await unlessRemoved(scope, async () => {
    const pins = await journal.pins(step)
    const planned = await planQuery(scope, statement.query, pins)
    await pins.keep()
    return (await appendRows(scope, { dataset, planned, statement })).rowCount
  })
}

/**
 * A parameter that stands for a column's value is of its type, unless somebody said another.
 * @throws AppError 'query.unknown_table'
 */
export async function insertedTypes(
  scope: Scope,
  { table, columns, query }: StatementOf<'insert'>,
  declared: readonly (DataType | undefined)[],
): Promise<readonly (DataType | undefined)[]> {
  const dataset = await findAnyTable(scope, table.parts)
  if (!dataset) throw await unknownTable(scope, table)
  const places = columnsOfParameters(query)
  if (places.length === 0) return declared
  const { fields } = dataset.schema
  const names = columns?.map((name) => name.toLowerCase())
  return places.map((place, index) => {
    if (declared[index] || place === undefined) return declared[index]
    const field = names ? fields.find(({ name }) => name.toLowerCase() === names[place]) : fields[place]
    return field && !isNested(field.type) ? field.type : undefined
  })
}

/** Clients have no form for these. */
function isNested(type: DataType): boolean {
  return isComplex(type) && !(type.kind === 'array' && !isComplex(type.element))
}

/** The rows are stored already when an earlier attempt of this run did it. */
export async function committed(scope: Scope, dataset: Dataset): Promise<AppendResult | undefined> {
  const { services, journal, step } = scope
  if (!journal.mark) return undefined
  return await services.lake.committedBatch(dataset.tableId, journal.batchId(step))
}

export async function appendRows(
  scope: Scope,
  {
    dataset,
    planned,
    statement,
    fitting = 'all',
    validates = true,
  }: {
    readonly dataset: Dataset
    readonly planned: PlannedQuery
    readonly statement: StatementOf<'insert'> | StatementOf<'createTableAs'>
    readonly fitting?: Fitting
    /** Whether rows must be as the schema asks beyond their types. */
    readonly validates?: boolean
  },
): Promise<AppendResult> {
  const { services, journal } = scope
  const batchId = journal.batchId(scope.step)
  const assign = assignColumns({
    columns: planned.columns,
    target: dataset.schema,
    names: statement.kind === 'insert' ? statement.columns : undefined,
    position: statement.query.position,
    fitting,
  })
  const asked = validates ? await askedOfRows(scope, dataset) : undefined
  const running = runningStatement(scope, { stores: true })
  await using rows = await rowsToStore(scope, running, planned)
  const append = () =>
    services.lake.append({
      tableId: dataset.tableId,
      batchId,
      source: {
        sql: asked ? checkedRows(assign(rows.sql), asked) : assign(rows.sql),
        files: rows.files,
        lakeFiles: rows.lakeFiles,
        pool: scope.pool,
        inTurn: (work) => running.inTurn(work),
      },
      columns: dataset.schema,
      first: async (tx) => await services.datasets.lockForRows(tx, dataset.id),
      within: async (tx, result) => {
        rows.check(result.rowCount)
        await journal.assertHeld(tx)
        await services.datasets.recordCommittedBatch(tx, {
          id: batchId,
          datasetId: dataset.id,
          recordCount: result.rowCount,
          bytes: result.bytes,
        })
        if (statement.kind === 'createTableAs' && dataset.tags[fillerTag])
          await services.datasets.removeTag(tx, dataset.id, fillerTag)
      },
      signal: running.signal,
    })
  const { signal } = running
  const leased = () => running.wait(() => services.lake.lease(rows.lakeFiles, { signal }))
  return await unlessDropped(scope, statement.table, () => orMissing(() => running.wait(append), leased))
}

export async function dropTable(scope: Scope, statement: StatementOf<'dropTable'>): Promise<void> {
  await requireGeneral(scope, ['manage-datasets'])
  const { services, caller, journal, step, signal } = scope
  if (signal.aborted) await stoppable(signal, async () => {})
  const missing = async (): Promise<void> => {
    if (!statement.ifExists) throw await unknownTable(scope, statement.table)
    scope.notice(`There is no table ${JSON.stringify(statement.table.parts.join('.'))}; nothing was done.`)
  }
  const dataset = await findAnyTable(scope, statement.table.parts)
  if (!dataset) {
    if (journal.dropped(step) !== undefined) return // An earlier attempt of this run did it.
    return await missing()
  }
  const dropped = journal.dropped(step)
  // This table is another one, made since; unless it is made again by a step that comes before this one.
  if (dropped !== undefined && dropped !== dataset.id && !isMadeBefore(scope, dataset)) return
  const place = scope.temporaries.has(dataset) ? undefined : await locate(scope, statement.table.parts)
  const member = place?.kind === 'member' ? place.member : undefined
  requireWritable(dataset)
  const asset = { datasetId: dataset.id }
  if (!member) {
    await refuseReferenced(scope, asset, dataset.tableName)
    refuseOthers(scope, dataset)
  }
  await journal.recordDrop(step, dataset.id)
  if (member) {
    const left = await services.metadata.transaction(async (tx) => {
      await journal.assertHeld(tx)
      return await removeMember(scope, tx, member, asset)
    })
    if (left === 'left') return
  }
  try {
    await services.datasets.delete(caller, dataset.id)
  } catch (error) {
    // Somebody else dropped it meanwhile.
    if (!(error instanceof AppError) || error.code !== 'dataset.unknown') throw error
    await missing()
  }
  scope.temporaries.remove(dataset)
}

/** What statements did not make, or somebody else made, a statement does not delete. @throws AppError 'access.denied' */
function refuseOthers({ caller }: Scope, dataset: Dataset): void {
  const name = JSON.stringify(dataset.tableName)
  const hint = 'Its dataset can be deleted with the Catalog API.'
  if (!dataset.tags[madeTag]) {
    throw new AppError('access.denied', `The table ${name} was not made by a statement.`, { hint })
  }
  if (dataset.createdBy !== caller.principal.id) {
    throw new AppError('access.denied', `Somebody else made the table ${name}.`, { hint })
  }
}
