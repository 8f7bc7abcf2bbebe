import { quoteIdentifier } from '#base/sql-text.ts'
import type { DataType, Field } from '#types/data-type.ts'
import { jsonSql, objectsSql } from './json-sql.ts'
import { plainSql } from './plain-sql.ts'

export type LineKind = 'json' | 'csv'

/** A query whose rows are the lines of another's: JSON, or CSV as `writeCsv` has it. */
export function linesSql(sql: string, columns: readonly Field[], kind: LineKind): string {
  const names = columns.map((_, index) => quoteIdentifier(`column ${index}`))
  const source = `(${sql}\n) AS query(${names.join(', ')})`
  if (kind === 'json') return objectsSql(columns, names, source)
  const texts = columns.map(({ type }, index) => `${textSql(type, names[index]!)} AS ${names[index]}`)
  const cells = columns.map(({ type }, index) => cellSql(type, names[index]!))
  return `SELECT concat(${cells.join(", ',', ")}) FROM (SELECT ${texts.join(', ')} FROM ${source})`
}

function textSql(type: DataType, value: string): string {
  switch (type.kind) {
    case 'boolean':
      return `CAST(${value} AS VARCHAR)`
    case 'array':
    case 'map':
    case 'struct':
      return jsonSql(type, value)
    default:
      return plainSql(type, value)
  }
}

/** NULL is nothing, the empty text is `""`, so that the two stay apart. */
function cellSql({ kind }: DataType, text: string): string {
  if (!quotables.has(kind)) return text
  const needed = [`'"'`, `','`, 'chr(10)', 'chr(13)'].map((sign) => `contains(${text}, ${sign})`)
  return `CASE WHEN ${text} = '' OR ${needed.join(' OR ')} THEN concat('"', replace(${text}, '"', '""'), '"') ELSE ${text} END`
}

const quotables: ReadonlySet<DataType['kind']> = new Set(['string', 'array', 'map', 'struct'])
