import { AppError, type ErrorCode } from '#base/errors.ts'
import type { Dataset } from '#datasets/datasets.ts'
import type { ColumnPath } from '#sql/definition.ts'
import type { ParsedStatement } from '#sql/statement.ts'
import { type DataType, doubleType, type Field, longType, stringType } from '#types/data-type.ts'
import { createTableAs } from '../tables/create-table.ts'
import { parsedAs, quotedName } from './dialect-text.ts'
import { findTable } from '../names/find-table.ts'
import type { StatementOf } from '../query.ts'
import type { Scope } from '../scope.ts'
import { unknownTable } from '../names/unknown-table.ts'

/** What ANALYZE TABLE prints when it keeps nothing. */
const printed: readonly Field[] = [
  { name: 'field', type: stringType },
  { name: 'data-type', type: stringType },
  { name: 'count', type: longType },
  { name: 'distinct-count', type: longType },
  { name: 'missing', type: longType },
  { name: 'max', type: doubleType },
  { name: 'min', type: doubleType },
  { name: 'mean', type: doubleType },
  { name: 'stdev', type: doubleType },
]

export function analyzedColumns({ isKept }: StatementOf<'analyze'>): readonly Field[] {
  return isKept ? [{ name: 'Statistics ID', type: stringType }] : printed
}

/** The query of a statement that only prints its statistics. */
export async function statisticsQuery(
  scope: Scope,
  statement: StatementOf<'analyze'>,
): Promise<Extract<ParsedStatement, { readonly kind: 'query' }>> {
  const { text } = await statisticsText(scope, statement, printedRow)
  return parsedAs(scope.services.sql, text, 'query', statement.table.position)
}

/** Keeps the statistics in a table of the session; what the statement answers. */
export async function computeStatistics(scope: Scope, statement: StatementOf<'analyze'>): Promise<string> {
  const { table, alias, filter, columns } = statement
  const { temporaries, services, journal } = scope
  const { text, dataset } = await statisticsText(scope, statement, keptRow)
  const name = alias ?? freeName(`${dataset.tableName}_stats`, (one) => temporaries.get([one]) !== undefined)
  const sql = `CREATE TEMP TABLE ${quotedName([name])} AS ${text}`
  await createTableAs(scope, parsedAs(services.sql, sql, 'createTableAs', table.position))
  temporaries.addStatistics({
    id: name,
    tableName: dataset.tableName,
    columnSet: columns === 'all' ? '(*)' : `(${columns.map((path) => path.join('.')).join(', ')})`,
    filter,
    at: (await journal.pins(scope.step)).now,
  })
  return alias === undefined ? name : `SUCCESSFULLY COMPLETED, ${alias}`
}

interface Leaf {
  readonly path: readonly string[]
  readonly type: DataType
}

/** Leaves of one pass over the table: of each all different values are in memory or spilled while it lasts. */
const leavesAtOnce = 8

/** One row for each leaf. */
async function statisticsText(
  scope: Scope,
  { table, columns, filter }: StatementOf<'analyze'>,
  row: (leaf: Leaf) => string,
): Promise<{ readonly text: string; readonly dataset: Dataset }> {
  const dataset = await findTable(scope, table.parts)
  if (!dataset) throw await unknownTable(scope, table)
  const skips = scope.properties.isTrue('skip_stats_for_complex_datatypes')
  const refuse = (path: ColumnPath, reason: string, code: ErrorCode = 'query.unsupported'): AppError =>
    new AppError(code, `${JSON.stringify(path.join('.'))} ${reason}.`, {
      position: table.position,
      hint: 'Name simple columns, structs, or fields of structs.',
    })
  const named = (path: ColumnPath): Leaf => {
    const type = typeAt(dataset.schema, path)
    if (!type) throw refuse(path, 'is no column of this table', 'query.unknown_column')
    if (type.kind === 'array' || type.kind === 'map') throw refuse(path, 'is no simple column')
    return { path, type }
  }
  // A struct stands for the fields in it, which may be named beside it too.
  const asked = (columns === 'all' ? [{ path: [], type: dataset.schema }] : columns.map(named)).flatMap(
    ({ path, type }) => leavesOf(type, path),
  )
  const leaves = [...new Map(asked.map((leaf) => [name(leaf), leaf])).values()].filter(({ path, type }) => {
    if (isSimple(type)) return true
    if (skips) return false
    throw refuse(path, 'is an array or a map, and statistics are of simple values')
  })
  if (leaves.length === 0) throw refuse([dataset.tableName], 'has no column with statistics')
  const where = filter === undefined ? '' : ` WHERE (${filter}\n)`
  const passes = Array.from({ length: Math.ceil(leaves.length / leavesAtOnce) }, (_, pass) => {
    const rows = leaves.slice(pass * leavesAtOnce, (pass + 1) * leavesAtOnce).map(row)
    return `SELECT inline(rows) FROM (SELECT array(${rows.join(', ')}) AS rows FROM ${quotedName(table.parts)}${where})`
  })
  return { text: passes.join(' UNION ALL '), dataset }
}

function keptRow(leaf: Leaf): string {
  const { value, mean, max, min, deviation, distinct } = measures(leaf)
  return `named_struct('columnName', ${name(leaf)}, 'mean', ${mean}, 'max', ${max}, 'min', ${min},
    'standardDeviation', ${deviation}, 'approxDistinctCount', CAST(${distinct} AS double),
    'nullCount', count(*) - count(${value}), 'dataType', ${typeText(leaf)})`
}

function printedRow(leaf: Leaf): string {
  const { value, mean, max, min, deviation, distinct } = measures(leaf)
  return `named_struct('field', ${name(leaf)}, 'data-type', ${typeText(leaf)}, 'count', count(${value}),
    'distinct-count', ${distinct}, 'missing', count(*) - count(${value}), 'max', ${max}, 'min', ${min},
    'mean', ${mean}, 'stdev', ${deviation})`
}

/** What is no number has 0.0 for what only numbers have, and so have numbers without rows. */
function measures({ path, type }: Leaf) {
  const value = quotedName(path)
  const ofNumber = (aggregate: string): string =>
    numbers.has(type.kind) ? `coalesce(CAST(${aggregate}(${value}) AS double), 0.0D)` : '0.0D'
  return {
    value,
    mean: ofNumber('avg'),
    max: ofNumber('max'),
    min: ofNumber('min'),
    deviation: ofNumber('stddev'),
    distinct: `approx_count_distinct(${value})`,
  }
}

const numbers = new Set<DataType['kind']>(['byte', 'short', 'integer', 'long', 'float', 'double', 'decimal'])

function name({ path }: Leaf): string {
  return textLiteral(path.join('.').toLowerCase())
}

/** `String`, `Long`, … */
function typeText({ type: { kind } }: Leaf): string {
  return textLiteral(`${kind.charAt(0).toUpperCase()}${kind.slice(1)}`)
}

function textLiteral(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}

function leavesOf(type: DataType, path: readonly string[]): Leaf[] {
  if (type.kind !== 'struct') return [{ path, type }]
  return type.fields.flatMap((field) => leavesOf(field.type, [...path, field.name]))
}

function isSimple({ kind }: DataType): boolean {
  return kind !== 'array' && kind !== 'map' && kind !== 'struct'
}

function typeAt(type: DataType, path: ColumnPath): DataType | undefined {
  const [step, ...rest] = path
  if (step === undefined) return type
  const field =
    type.kind === 'struct'
      ? type.fields.find((one) => one.name.toLowerCase() === step.toLowerCase())
      : undefined
  return field && typeAt(field.type, rest)
}

/** `base_1`, `base_2`, … */
function freeName(base: string, isTaken: (name: string) => boolean): string {
  for (let number = 1; ; number++) {
    const candidate = `${base}_${number}`
    if (!isTaken(candidate)) return candidate
  }
}
