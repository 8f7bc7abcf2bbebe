import { csvScanner } from '../csv-records.ts'
import { parseJson } from '../raw-json.ts'
import { Malformed, Unreadable } from '../records.ts'
import type { TableSchema } from '../table-schema.ts'
import { fieldFinder, isNested } from '../value-readers.ts'
import { isReserved } from '#types/xdm.ts'
import { plainCsvSql, plainJsonSql, plainLengthMax } from './plain-sql.ts'
import { programOf } from './program.ts'
import { insideOf, newSeenKeys, seeKeys } from './seen-keys.ts'
import { anyCsvField, csvPattern, jsonPattern } from './value-patterns.ts'

/** What nearly all records of a file look like: those that do are certainly good, and the engine reads them by itself. */
export interface PlainForm {
  /** Of a record with its line end. */
  readonly pattern: string
  /** What stands before the records: the header of CSV, with its line end. */
  readonly head: string
  readonly lineEnd: '\n' | '\r\n'
  /** Files of forms with the same key are read together. */
  readonly key: string
  /** The table's columns of files that hold the head and plain records only. */
  readonly sql: (paths: readonly string[]) => string
}

/** So many records say how the others look. */
const samplesMax = 200

/** @param head the text that a file begins with. Undefined: nothing of the file is plain. */
export function jsonForm(head: string, { columns, required }: TableSchema): PlainForm | undefined {
  if (!head.startsWith('{')) return undefined
  const lines = head.split('\n', samplesMax)
  const seen = newSeenKeys()
  for (const line of lines) seeKeys(seen, valueOf(line), columns)
  seen.names.splice(0, seen.names.length, ...seen.names.filter((name) => !isReserved(name)))
  const lineEnd = lines[0]?.endsWith('\r') === true ? '\r\n' : '\n'
  const object = jsonPattern(columns, { seen, required, quote: '"' })
  const pattern = `${object} ?${lineEnd}`
  if (object === undefined || seen.names.length === 0 || !programOf(pattern)) return undefined
  return {
    pattern,
    head: '',
    lineEnd,
    key: 'json',
    sql: (paths) => plainJsonSql(paths, columns.fields),
  }
}

/** The same for CSV. */
export function csvForm(head: string, { columns: { fields }, required }: TableSchema): PlainForm | undefined {
  const { names, rows } = sampleOf(head)
  const find = fieldFinder(fields)
  const header = names.map((name) => (isReserved(name) ? undefined : find(name)))
  const filled = header.filter((index) => index !== undefined)
  const isKnown = names.every((name, index) => isReserved(name) || header[index] !== undefined)
  // In a single column an empty line is a row.
  if (names.length < 2 || !isKnown || new Set(filled).size < filled.length) return undefined
  const headLine = head.slice(0, head.indexOf('\n') + 1)
  // One line, with whole quotes.
  if (headLine.split('"').length % 2 === 0 || headLine.slice(0, -2).includes('\r')) return undefined
  // Below a column that is not there nothing is asked.
  const needed = required.flatMap(([name, ...rest]) =>
    rest.length === 0 ? [fields.findIndex((field) => field.name === name)] : [],
  )
  if (needed.some((index) => !filled.includes(index))) return undefined
  const seen = newSeenKeys()
  const patterns = header.map((target, index) => {
    const field = target === undefined ? undefined : fields[target]
    if (!field) return anyCsvField
    const inside = insideOf(seen, field.name)
    if (isNested(field.type)) for (const row of rows) seeKeys(inside, valueOf(row[index] ?? ''), field.type)
    const below = required.filter(([name]) => name === field.name).map((path) => path.slice(1))
    return csvPattern(field.type, { seen: inside, required: below, prefix: `k${index}_` })
  })
  const lineEnd = headLine.endsWith('\r\n') ? '\r\n' : '\n'
  const pattern = `${patterns.join(',')}${lineEnd}`
  if (patterns.includes(undefined) || !programOf(pattern)) return undefined
  return {
    pattern,
    head: headLine,
    lineEnd,
    key: headLine,
    sql: (paths) => plainCsvSql(paths, { fields, header, lineEnd }),
  }
}

function sampleOf(head: string): { names: readonly string[]; rows: (readonly (string | null)[])[] } {
  let names: readonly string[] = []
  const rows: (readonly (string | null)[])[] = []
  try {
    const scanner = csvScanner((given) => {
      names = given
    })
    for (const { content } of scanner.push(head)) {
      if (!(content instanceof Malformed)) rows.push(content)
      if (rows.length >= samplesMax) break
    }
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    return { names: [], rows: [] } // Our reader will say so.
  }
  return { names, rows }
}

function valueOf(text: string): unknown {
  if (text.length > plainLengthMax) return undefined
  try {
    return parseJson(text)
  } catch {
    return undefined // Our reader will say so.
  }
}
