import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import { shownValue } from '#base/shown-text.ts'
import { type DataType, type Field, sameType, sparkName } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { isReserved } from '#types/xdm.ts'
import { Unreadable } from './records.ts'
import { fieldFinder } from './value-readers.ts'

/** How a value becomes one of the table's type. */
export interface Conversion {
  readonly sql: string
  /** True (else false or NULL) for values that the type does not hold. Absent: it holds all. */
  readonly misfit?: string
}

/**
 * Types convert when no value changes by it, or when that can be told of each value: numbers to numbers, dates to
 * timestamps and back, numbers and dates to text. Nothing is read from text: a Parquet file says what it holds.
 * @throws Unreadable
 */
export function conversion(value: string, from: DataType, to: DataType, path: string): Conversion {
  if (sameType(from, to)) return { sql: value, ...misfitOf(keyTwice(value, from, path)) }
  if (from.kind === 'void') return { sql: nullOf(to) }
  if (from.kind === 'struct' && to.kind === 'struct')
    return structConversion(value, from.fields, to.fields, path)
  if (from.kind === 'array' && to.kind === 'array') {
    const item = lambdaName(path)
    const element = conversion(item, from.element, to.element, `${path}[]`)
    return {
      sql: `list_transform(${value}, lambda ${item}: ${element.sql})`,
      ...anyMisfit(value, item, element),
    }
  }
  if (from.kind === 'map' && to.kind === 'map') {
    const item = lambdaName(path)
    const key = conversion(`(${item}).key`, from.key, to.key, `${path}{}`)
    const part = conversion(`(${item}).value`, from.value, to.value, `${path}{}`)
    const inside = anyMisfit(`map_entries(${value})`, item, misfitOf(either(key.misfit, part.misfit)))
    return {
      sql: `map_from_entries(list_transform(map_entries(${value}), lambda ${item}: struct_pack(k := ${key.sql}, v := ${part.sql})))`,
      ...misfitOf(either(ownKeyTwice(value), inside.misfit)),
    }
  }
  return primitiveConversion(value, from, to, path)
}

/** Of JSON no object has a key twice, either; the format leaves it to who reads which value counts. */
function keyTwice(value: string, type: DataType, path: string): string | undefined {
  switch (type.kind) {
    case 'map': {
      const item = lambdaName(path)
      const inside = misfitOf(keyTwice(item, type.value, `${path}{}`))
      return either(ownKeyTwice(value), anyMisfit(`map_values(${value})`, item, inside).misfit)
    }
    case 'array': {
      const item = lambdaName(path)
      return anyMisfit(value, item, misfitOf(keyTwice(item, type.element, `${path}[]`))).misfit
    }
    case 'struct':
      return either(
        ...type.fields.map((field) =>
          keyTwice(
            `struct_extract(${value}, ${quoteLiteral(field.name)})`,
            field.type,
            `${path}.${field.name}`,
          ),
        ),
      )
    default:
      return undefined
  }
}

/** Most maps have one key, which is told at once. */
function ownKeyTwice(map: string): string {
  return `cardinality(${map}) > 1 AND len(list_distinct(map_keys(${map}))) <> cardinality(${map})`
}

function either(...misfits: readonly (string | undefined)[]): string | undefined {
  const given = misfits.filter((misfit) => misfit !== undefined)
  return given.length === 0 ? undefined : given.map((misfit) => `(${misfit})`).join(' OR ')
}

function misfitOf(misfit: string | undefined): { misfit?: string } {
  return misfit === undefined ? {} : { misfit }
}

function structConversion(
  value: string,
  from: readonly Field[],
  to: readonly Field[],
  path: string,
): Conversion {
  const sources = matchedFields(from, to, path)
  const parts = to.map((field, index): Conversion => {
    const source = sources[index]
    if (!source) return { sql: nullOf(field.type) }
    const part = `struct_extract(${value}, ${quoteLiteral(source.name)})`
    return conversion(part, source.type, field.type, `${path}.${field.name}`)
  })
  const fields = to.map((field, index) => `${quoteIdentifier(field.name)} := ${parts[index]?.sql}`)
  return {
    sql: `CASE WHEN ${value} IS NOT NULL THEN struct_pack(${fields.join(', ')}) END`,
    ...misfitOf(either(...parts.map(({ misfit }) => misfit))),
  }
}

/**
 * For each field of the table the one of the file, or undefined.
 * @throws Unreadable when the file has others, too: they would be lost
 */
export function matchedFields(
  from: readonly Field[],
  to: readonly Field[],
  path = '',
): readonly (Field | undefined)[] {
  const find = fieldFinder(to)
  const sources = Array.from<Field | undefined>({ length: to.length })
  for (const field of from) {
    const shown = shownValue(path === '' ? field.name : `${path}.${field.name}`)
    // What another lake said of the row; this one says it anew.
    if (path === '' && isReserved(field.name)) continue
    const index = find(field.name)
    if (index === undefined) throw new Unreadable(`has a column ${shown}, which the dataset does not have`)
    if (sources[index]) throw new Unreadable(`has two columns for ${shown}`)
    sources[index] = field
  }
  return sources
}

export function nullOf(type: DataType): string {
  return `CAST(NULL AS ${duckdbType(type)})`
}

function anyMisfit(
  list: string,
  item: string,
  { misfit }: { readonly misfit?: string },
): { misfit?: string } {
  return misfit === undefined ? {} : { misfit: `len(list_filter(${list}, lambda ${item}: ${misfit})) > 0` }
}

/** Inner lambdas see the outer ones, so each depth has a name of its own. */
function lambdaName(path: string): string {
  return `e${path.split(/\[\]|\{\}/).length}`
}

const integerBits: Readonly<Partial<Record<DataType['kind'], number>>> = {
  byte: 8,
  short: 16,
  integer: 32,
  long: 64,
}
const numeric = new Set<DataType['kind']>(['byte', 'short', 'integer', 'long', 'float', 'double', 'decimal'])
const plain = new Set<DataType['kind']>(['boolean', 'byte', 'short', 'integer', 'long', 'decimal', 'date'])
const temporal = new Set<DataType['kind']>(['date', 'timestamp', 'timestamp_ntz'])

function primitiveConversion(value: string, from: DataType, to: DataType, path: string): Conversion {
  const type = duckdbType(to)
  const sql = `CAST(${value} AS ${type})`
  if (isSafe(from, to)) return { sql }
  const tried = `TRY_CAST(${value} AS ${type})`
  if (from.kind === 'double' && to.kind === 'float') {
    return { sql: tried, misfit: `isfinite(${value}) AND (${tried} IS NULL OR NOT isfinite(${tried}))` }
  }
  if (
    (numeric.has(from.kind) && numeric.has(to.kind)) ||
    (temporal.has(from.kind) && temporal.has(to.kind))
  ) {
    const back = `TRY_CAST(${tried} AS ${duckdbType(from)})`
    return { sql: tried, misfit: `${value} IS NOT NULL AND ${back} IS DISTINCT FROM ${value}` }
  }
  throw new Unreadable(
    `has a column ${shownValue(path)} of the type ${sparkName(from)}; in the dataset it is ${sparkName(to)}`,
  )
}

function isSafe(from: DataType, to: DataType): boolean {
  if (to.kind === 'string') return plain.has(from.kind)
  const [fromBits, toBits] = [integerBits[from.kind], integerBits[to.kind]]
  if (fromBits !== undefined && toBits !== undefined) return fromBits <= toBits
  if (to.kind === 'double') return from.kind === 'float' || (fromBits ?? 64) <= 32
  if (from.kind === 'decimal' && to.kind === 'decimal') {
    return to.scale >= from.scale && to.precision - to.scale >= from.precision - from.scale
  }
  if (to.kind === 'timestamp' || to.kind === 'timestamp_ntz') return temporal.has(from.kind)
  return false
}
