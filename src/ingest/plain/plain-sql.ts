import { quoteIdentifier, quoteList, quoteLiteral } from '#base/sql-text.ts'
import { type DataType, type Field, mapScalars, stringType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { isNested } from '../value-readers.ts'

/** Longer records are not plain; in characters, which take up to four bytes. */
export const plainLengthMax = 32 * 1024
const recordBytesMax = 4 * plainLengthMax

/** The table's columns of files that hold plain lines of JSON only. */
export function plainJsonSql(paths: readonly string[], fields: readonly Field[]): string {
  const columns = fields.map(({ name, type }) => `${quoteLiteral(name)}: ${quoteLiteral(readType(type))}`)
  const items = fields.map(
    ({ name, type }) => `CAST(${quoteIdentifier(name)} AS ${duckdbType(type)}) AS ${quoteIdentifier(name)}`,
  )
  return `SELECT ${items.join(', ')} FROM read_json(${quoteList(paths)}, format = 'newline_delimited', auto_detect = false, compression = 'uncompressed', hive_partitioning = false, maximum_object_size = ${recordBytesMax}, columns = {${columns.join(', ')}})`
}

/** The same of files of CSV. @param header the field that each of their columns fills; undefined: none */
export function plainCsvSql(
  paths: readonly string[],
  {
    fields,
    header,
    lineEnd,
  }: {
    readonly fields: readonly Field[]
    readonly header: readonly (number | undefined)[]
    readonly lineEnd: '\n' | '\r\n'
  },
): string {
  const columns = header.map((_, index) => `'c${index}': 'VARCHAR'`)
  const items = fields.map(({ name, type }, index) => {
    const place = header.indexOf(index)
    const text = place === -1 ? 'NULL' : `c${place}`
    // A cast of JSON refuses objects without all fields.
    const value = isNested(type)
      ? `json_transform(${text}, ${quoteLiteral(JSON.stringify(readType(type)))})`
      : text
    return `CAST(${value} AS ${duckdbType(type)}) AS ${quoteIdentifier(name)}`
  })
  const newLine = lineEnd === '\n' ? '\\n' : '\\r\\n'
  return `SELECT ${items.join(', ')} FROM read_csv(${quoteList(paths)}, auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', comment = '', new_line = '${newLine}', compression = 'uncompressed', hive_partitioning = false, allow_quoted_nulls = false, columns = {${columns.join(', ')}})`
}

const readAsIs = new Set<DataType['kind']>(['byte', 'short', 'integer', 'long', 'boolean', 'double'])

/** Times are read from texts by the one conversion that all ways share. */
function readType(type: DataType): string {
  return duckdbType(mapScalars(type, (inner) => (readAsIs.has(inner.kind) ? inner : stringType)))
}
