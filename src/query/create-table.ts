import { AppError } from '#base/errors.ts'
import type { Dataset } from '#datasets/datasets.ts'
import { structType, type Field } from '#types/data-type.ts'
import { findTable, findView } from './catalogue.ts'
import { planQuery } from './plan-query.ts'
import { requireGeneral } from './rights.ts'
import type { Scope } from './scope.ts'
import { temporaryTag } from './temporary-tables.ts'
import { appendRows, committed, type StatementOf } from './write-rows.ts'

/** What making a table takes, which makes a schema too. */
const creating = ['batch-queries', 'manage-datasets', 'manage-schemas'] as const

type Creation = StatementOf<'createTable'> | StatementOf<'createTableAs'>

/** A table of the columns given, without rows. False: it was there and IF NOT EXISTS was said. */
export async function createTable(scope: Scope, statement: StatementOf<'createTable'>): Promise<boolean> {
  refuseOptions(statement)
  await requireGeneral(scope, creating)
  const there = await existingTable(scope, statement)
  if (there) return there.isOurs
  return (await createDataset(scope, statement, statement.columns)) !== undefined
}

/** Undefined: the table was there and IF NOT EXISTS was said. */
export async function createTableAs(
  scope: Scope,
  statement: StatementOf<'createTableAs'>,
): Promise<number | undefined> {
  refuseOptions(statement)
  await requireGeneral(scope, creating)
  const there = await existingTable(scope, statement)
  if (there && !there.isOurs) return undefined
  const done = there && (await committed(scope, there.dataset))
  if (done) return done.rowCount
  const pins = await scope.journal.pins(scope.step)
  const planned = await planQuery(scope, statement.query, pins, { engine: 'duckdb' })
  await pins.keep()
  const dataset = there?.dataset ?? (await createDataset(scope, statement, planned.columns))
  if (!dataset) return undefined
  try {
    return (await appendRows(scope, { dataset, planned, statement })).rowCount
  } catch (error) {
    await removeUnfilled(scope, dataset, error)
    throw error
  }
}

/** The table of that name; ours when an earlier attempt of this run made it. @throws AppError 'dataset.exists' */
async function existingTable(
  scope: Scope,
  statement: Creation,
): Promise<{ readonly dataset: Dataset; readonly isOurs: boolean } | undefined> {
  const { table, isTemporary, ifNotExists } = statement
  const name = nameOf(statement)
  const dataset = isTemporary ? await temporaryTable(scope, name) : await findTable(scope, table.parts)
  if (dataset && isMarked(scope, dataset)) return { dataset, isOurs: true }
  const isView = !dataset && !isTemporary && (await findView(scope, table.parts)) !== undefined
  if (!dataset && !isView) return undefined
  if (!ifNotExists || !dataset) throw tableExists(name)
  tellExists(scope, name)
  return { dataset, isOurs: false }
}

async function temporaryTable(scope: Scope, name: string): Promise<Dataset | undefined> {
  const known = scope.temporaries.get([name])
  if (known || !scope.journal.mark) return known
  const left = await scope.services.datasets.find(scope.caller, temporaryName(scope, name))
  if (left) scope.temporaries.set(name, left)
  return left
}

/** Nobody else has it: a run names the tables of its steps the same in every attempt. */
function temporaryName({ journal, step }: Scope, name: string): string {
  return `temp_${journal.batchId(step)}_${name}`.toLowerCase()
}

async function createDataset(
  scope: Scope,
  statement: Creation,
  columns: readonly Field[],
): Promise<Dataset | undefined> {
  const { journal, step, services, caller, temporaries } = scope
  const name = nameOf(statement)
  const mark = journal.mark?.(step)
  const storedName = statement.isTemporary ? temporaryName(scope, name) : name
  try {
    const dataset = await services.metadata.transaction(async (tx) => {
      await journal.assertHeld(tx)
      return await services.datasets.createIn(tx, caller, {
        name: storedName,
        tableName: storedName.toLowerCase(),
        schema: { kind: 'columns', columns: structType(columns) },
        tags: {
          ...(mark === undefined ? {} : { [markTag]: [mark] }),
          ...(statement.isTemporary ? { [temporaryTag]: [name] } : {}),
        },
      })
    })
    if (statement.isTemporary) temporaries.set(name, dataset)
    return dataset
  } catch (error) {
    const exists = error instanceof AppError && error.code === 'dataset.exists'
    if (!exists || !statement.ifNotExists) throw error
    tellExists(scope, name)
    return undefined
  }
}

function nameOf({ table }: Creation): string {
  return table.parts.at(-1) ?? ''
}

function tellExists(scope: Scope, name: string): void {
  scope.notice(`There is a table ${JSON.stringify(name)} already; nothing was done.`)
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

function refuseOptions({ table, options }: Creation): void {
  const refused = (what: string): AppError =>
    new AppError('query.unsupported', `${what} is not supported yet.`, { position: table.position })
  // Rows are always checked against the columns; that option only says so or not.
  const [other] = Object.keys(options).filter((name) => name !== 'rowvalidation')
  if (other !== undefined) throw refused(`The option ${other} of CREATE TABLE`)
}

function tableExists(name: string): AppError {
  return new AppError('dataset.exists', `There is a table ${JSON.stringify(name)} already.`, {
    hint: 'Choose another name, or say CREATE TABLE IF NOT EXISTS.',
  })
}
