import { AppError, type TextPosition } from '#base/errors.ts'
import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import { duckdbType } from '#types/duckdb.ts'
import { type DataType, type Field, sameType, sparkName, type StructType } from '#types/data-type.ts'

export interface Assignment {
  /** Of the query whose rows are stored. */
  readonly columns: readonly Field[]
  readonly target: StructType
  /** Columns the statement names, in its order; undefined: all. */
  readonly names: readonly string[] | undefined
  readonly position: TextPosition
  readonly fitting?: Fitting
}

/** `all`: as many columns and fields as the target. `schema`: each must be one of the target's, the others are NULL. */
export type Fitting = 'all' | 'schema'

/**
 * What makes of the engine's query one that gives the target's columns, in order and type. Columns, and fields of structs at any depth, are
 * matched by name if both sides have the same names (case apart), else by position. Types convert as Spark's ANSI store
 * assignment allows: numbers to numbers (one that does not fit fails the statement), whole numbers, decimals, booleans and dates to text, dates to
 * timestamps and back, nothing from text.
 * @throws AppError 'schema.conflict'
 */
export function assignColumns({
  columns,
  target,
  names,
  position,
  fitting = 'all',
}: Assignment): (sql: string) => string {
  const refuse = (message: string, hint: string): AppError =>
    new AppError('schema.conflict', fitting === 'schema' ? `Error validating schema: ${message}` : message, {
      position,
      hint,
    })
  const problem: Problem = { refuse, fitting }
  const sources = names
    ? namedSources(names, columns, target, refuse)
    : matchFields(columns, target.fields, fitting)
  if (!sources) {
    throw refuse(
      `The table has ${target.fields.length} columns (${listed(target.fields)}), the query gives ${columns.length} (${listed(columns)}).`,
      'Give a value for each column, or name the columns after the table.',
    )
  }
  const items = target.fields.map((field, index) => {
    const source = sources[index]
    const from = source === undefined ? undefined : columns[source]
    const value = from
      ? convert(`source.c${source}`, from.type, field.type, [field.name], problem)
      : `CAST(NULL AS ${duckdbType(field.type)})`
    return `${value} AS ${quoteIdentifier(field.name)}`
  })
  const aliases = columns.map((_, index) => `c${index}`).join(', ')
  return (sql) => `SELECT ${items.join(', ')} FROM (${sql}) AS source(${aliases})`
}

type Refuse = (message: string, hint: string) => AppError

interface Problem {
  readonly refuse: Refuse
  readonly fitting: Fitting
}

function namedSources(
  names: readonly string[],
  columns: readonly Field[],
  target: StructType,
  problem: Refuse,
): (number | undefined)[] {
  if (names.length !== columns.length) {
    throw problem(
      `${names.length} columns are named, the query gives ${columns.length}.`,
      'Give a value for each column named.',
    )
  }
  const positions = new Map<string, number>()
  for (const [index, name] of names.entries()) {
    const key = name.toLowerCase()
    if (!target.fields.some((field) => field.name.toLowerCase() === key)) {
      throw problem(`The table has no column ${JSON.stringify(name)}.`, `It has ${listed(target.fields)}.`)
    }
    if (positions.has(key))
      throw problem(`The column ${JSON.stringify(name)} is named twice.`, 'Name it once.')
    positions.set(key, index)
  }
  return target.fields.map((field) => positions.get(field.name.toLowerCase()))
}

/** For each target field the index of its source; undefined when they do not match at all. */
function matchFields(
  from: readonly Field[],
  to: readonly Field[],
  fitting: Fitting,
): (number | undefined)[] | undefined {
  if (fitting === 'schema') return matchNames(from, to)
  if (from.length !== to.length) return undefined
  const positions = new Map(from.map((field, index) => [field.name.toLowerCase(), index]))
  const byName = to.map((field) => positions.get(field.name.toLowerCase()))
  const areAllNamed = positions.size === from.length && byName.every((index) => index !== undefined)
  return areAllNamed ? byName : to.map((_, index) => index)
}

/** By name alone; a field that the target has not is one too many. */
function matchNames(from: readonly Field[], to: readonly Field[]): (number | undefined)[] | undefined {
  const positions = new Map(from.map((field, index) => [field.name.toLowerCase(), index]))
  const matched = to.map((field) => positions.get(field.name.toLowerCase()))
  const count = matched.filter((index) => index !== undefined).length
  return positions.size === from.length && count === from.length ? matched : undefined
}

function convert(
  value: string,
  from: DataType,
  to: DataType,
  path: readonly string[],
  problem: Problem,
): string {
  const type = duckdbType(to)
  if (from.kind === 'void' || sameType(from, to)) return `CAST(${value} AS ${type})`
  if (from.kind === 'struct' && to.kind === 'struct') {
    const sources = matchFields(from.fields, to.fields, problem.fitting)
    if (!sources) {
      throw problem.refuse(
        `${quotedPath(path)} has the fields ${listed(to.fields)}, the query gives ${listed(from.fields)}.`,
        'Build it with struct(… AS field, …).',
      )
    }
    const fields = to.fields.map((field, index) => {
      const source = from.fields[sources[index] ?? -1]
      if (!source) return `${quoteIdentifier(field.name)} := CAST(NULL AS ${duckdbType(field.type)})`
      const part = `struct_extract(${value}, ${quoteLiteral(source.name)})`
      return `${quoteIdentifier(field.name)} := ${convert(part, source.type, field.type, [...path, field.name], problem)}`
    })
    return `CASE WHEN ${value} IS NULL THEN NULL ELSE struct_pack(${fields.join(', ')}) END`
  }
  if (from.kind === 'array' && to.kind === 'array') {
    const item = `e${path.length}`
    const converted = convert(item, from.element, to.element, [...path, '[]'], problem)
    return `CAST(list_transform(${value}, lambda ${item}: ${converted}) AS ${type})`
  }
  if (from.kind === 'map' && to.kind === 'map') {
    const item = `e${path.length}`
    const key = convert(`(${item}).key`, from.key, to.key, [...path, 'key'], problem)
    const converted = convert(`(${item}).value`, from.value, to.value, [...path, 'value'], problem)
    return `CAST(map_from_entries(list_transform(map_entries(${value}), lambda ${item}: struct_pack(k := ${key}, v := ${converted}))) AS ${type})`
  }
  if (isStorable(from, to)) return `CAST(${isCut(from, to) ? `trunc(${value})` : value} AS ${type})`
  throw problem.refuse(
    `${quotedPath(path)} is ${sparkName(to)}, the query gives ${sparkName(from)}.`,
    `Convert it with CAST(… AS ${sparkName(to)}).`,
  )
}

const integral = new Set<DataType['kind']>(['byte', 'short', 'integer', 'long'])
const fractional = new Set<DataType['kind']>(['float', 'double', 'decimal'])
const numeric = new Set<DataType['kind']>([...integral, ...fractional])
const temporal = new Set<DataType['kind']>(['date', 'timestamp', 'timestamp_ntz'])
/** Whose text is the same in every engine; for others an explicit CAST says which form is meant. */
const plain = new Set<DataType['kind']>(['boolean', 'byte', 'short', 'integer', 'long', 'decimal', 'date'])

function isStorable(from: DataType, to: DataType): boolean {
  if (from.kind === to.kind && from.kind !== 'decimal') return true
  if (numeric.has(from.kind) && numeric.has(to.kind)) return true
  if (temporal.has(from.kind) && temporal.has(to.kind)) return true
  return to.kind === 'string' && plain.has(from.kind)
}

/** Where a fraction goes: the engine's cast would round it, a CAST of the dialect and Spark's assignment cut it off. */
function isCut(from: DataType, to: DataType): boolean {
  return fractional.has(from.kind) && integral.has(to.kind)
}

const listedMax = 20

function listed(fields: readonly Field[]): string {
  const names = fields.slice(0, listedMax).map((field) => field.name)
  return fields.length > listedMax ? `${names.join(', ')}, …` : names.join(', ')
}

function quotedPath(path: readonly string[]): string {
  return JSON.stringify(path.join('.'))
}
