import { AppError } from '#base/errors.ts'
import { systemColumns } from '#lake/system-columns.ts'
import { sampleTag } from '#metadata/datasets.ts'
import type { Field } from '#types/data-type.ts'
import { createTableAs } from '../tables/create-table.ts'
import { parsedAs, quotedName } from './dialect-text.ts'
import { findTable } from '../names/find-table.ts'
import type { StatementOf } from '../query.ts'
import { requireManage } from '../names/rights.ts'
import { samplesOf } from '../names/samples-of.ts'
import type { Scope } from '../scope.ts'
import { dayAndTime } from './show-lists.ts'
import { textColumns } from '../static-rows.ts'
import { unknownTable } from '../names/unknown-table.ts'

/** Samples of one dataset. */
const samplesMax = 5

export const sampleColumns: readonly Field[] = textColumns(
  'sample_table_name',
  'sample_dataset_id',
  'parent_dataset_id',
  'sample_type',
  'sampling_rate',
  'sample_num_rows',
  'created',
)

/** Keeps a random share of a table's rows as a dataset of its own, which goes with the table; its table name. */
export async function takeSample(
  scope: Scope,
  { table, filter, percent }: StatementOf<'takeSample'>,
): Promise<string> {
  const { services, properties } = scope
  if (!properties.isTrue('aqp')) {
    throw new AppError('query.unsupported', 'Samples are taken only in sessions that ask for them.', {
      position: table.position,
      hint: 'Say SET aqp = true first.',
    })
  }
  const parent = await findTable(scope, table.parts)
  if (!parent) throw await unknownTable(scope, table)
  await requireManage(scope, parent)
  const there = await samplesOf(scope, parent)
  if (there.length >= samplesMax) {
    throw new AppError('query.limit', `A dataset has at most ${samplesMax} samples.`, {
      position: table.position,
      hint: `Drop one first: DROP TABLESAMPLE ${there[0]?.tableName ?? '…'}.`,
    })
  }
  if (filter !== undefined && properties.isTrue('flatten')) {
    throw new AppError('query.unsupported', 'A filter of a sample is not read as FLATTEN has columns.', {
      position: table.position,
      hint: 'Take the sample in a session without FLATTEN.',
    })
  }
  const rate = rateText(percent)
  const name = `x${parent.id}_uniform_${rate.replaceAll('.', '_')}_percent_${ending(scope)}`
  const where = filter === undefined ? '' : ` WHERE (${filter}\n)`
  // A table has system columns of its own, so it takes none, also where the session shows them.
  const system = systemColumns.fields.map((field) => quotedName([field.name]))
  const columns = properties.isTrue('drop_system_columns') ? '*' : `* EXCLUDE (${system.join(', ')})`
  const sql = `CREATE TABLE ${quotedName([name])} AS SELECT ${columns} FROM ${quotedName(table.parts)}
    TABLESAMPLE (${percent} PERCENT)${where}`
  const statement = parsedAs(services.sql, sql, 'createTableAs', table.position)
  // Whoever reads the sample for the table finds in it the table's own columns.
  const plain = { ...scope, properties: properties.with({ flatten: 'false' }) }
  await createTableAs(plain, statement, { [sampleTag]: [parent.id], [rateTag]: [rate] })
  return name
}

/** The rows of `SELECT sample_meta('t')`: one a sample, oldest first. */
export async function sampleRows(
  scope: Scope,
  { table }: StatementOf<'sampleMeta'>,
): Promise<readonly (readonly (string | null)[])[]> {
  const { lake } = scope.services
  const parent = await findTable(scope, table.parts)
  if (!parent) throw await unknownTable(scope, table)
  const samples = await samplesOf(scope, parent)
  return await Promise.all(
    samples.map(async (sample) => [
      sample.tableName,
      sample.id,
      parent.id,
      'uniform',
      sample.tags[rateTag]?.[0] ?? null,
      String((await lake.snapshot(sample.tableId))?.rowCount ?? 0),
      dayAndTime(sample.createdAt),
    ]),
  )
}

export async function dropSample(
  scope: Scope,
  { sample, ifExists }: StatementOf<'dropSample'>,
): Promise<void> {
  const { services, caller, journal, step } = scope
  const dataset = await findTable(scope, sample.parts)
  if (!dataset?.tags[sampleTag]) {
    if (journal.wasBegun(step)) return // An earlier attempt of this run did it.
    if (!ifExists) throw await unknownTable(scope, sample)
    return scope.notice(`There is no sample ${JSON.stringify(sample.parts.join('.'))}; nothing was done.`)
  }
  await requireManage(scope, dataset)
  await services.datasets.delete(caller, dataset.id)
}

const rateTag = 'sluice/sample-rate'

/** As the reference platform prints it: `4.0`. */
function rateText(percent: number): string {
  return Number.isInteger(percent) ? `${percent}.0` : String(percent)
}

/** Five letters and digits, for a run the same in every attempt. */
function ending({ journal, step }: Scope): string {
  return journal.batchId(step).slice(-5).toLowerCase()
}
