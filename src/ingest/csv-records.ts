import { ingestCodes } from './ingest-failure.ts'
import {
  checkRecordLength,
  Malformed,
  recordLengthMax,
  type RecordScanner,
  type Sieve,
  type TextRecord,
  Unreadable,
} from './records.ts'

/** Far more than a dataset has; names without end would be looked at in one go, while all others wait. */
const columnsMax = 20_000

const [quote, comma, lineEnd, carriageReturn] = [0x22, 0x2c, 0x0a, 0x0d] as const

/** The fields of a record: null for one that is empty and not in quotes. */
export type CsvFields = (string | null)[]

interface Parsed {
  /** The first ones, as many as were asked for. */
  readonly fields: CsvFields
  readonly fieldCount: number
  /** Offset behind the record and its line end. */
  readonly end: number
  readonly problem?: string
}

/**
 * RFC 4180 with a header: quotes around fields, `""` for one inside, line ends inside of quotes. Row 1 is the first after
 * the header; blank lines are none.
 */
export function csvScanner(
  onHeader: (names: readonly string[]) => void,
  sieve: Sieve = (_text, start) => start,
): RecordScanner<CsvFields> {
  let rest = ''
  let row = 0
  let columnCount = 0
  /** A record without its end is read again once twice as much is there, not with each piece. */
  let lengthToScan = 0

  function* scan(text: string, isLast: boolean): Generator<TextRecord<CsvFields>> {
    if (text.length < lengthToScan && !isLast) {
      rest = text
      return
    }
    let start = 0
    const fieldsMax = (): number => (columnCount === 0 ? columnsMax : columnCount)
    const whole = { text, isLast, comma: finder(text, ','), lineEnd: finder(text, '\n') }
    for (;;) {
      const taken = columnCount > 0 ? sieve(text, start) : start
      if (taken > start) {
        row += 1
        start = taken
        continue
      }
      const parsed =
        start < text.length ? parseRecord(whole, { start, row, fieldsMax: fieldsMax() }) : undefined
      if (!parsed) break
      const record = recordOf(text, start, parsed)
      start = parsed.end
      if (record) yield record
    }
    rest = text.slice(start)
    checkRecordLength(rest.length, row)
    lengthToScan = Math.min(2 * rest.length, recordLengthMax + 1)
  }

  function recordOf(text: string, start: number, parsed: Parsed): TextRecord<CsvFields> | undefined {
    const { fields, fieldCount, problem } = parsed
    if (columnCount === 0) {
      if (fieldCount > columnsMax) throw new Unreadable(`has a header of more than ${columnsMax} columns`)
      const names = fields.map((field) => field ?? '')
      checkHeader(names, problem)
      columnCount = names.length
      row = 1
      onHeader(names)
      return undefined
    }
    // In a single column an empty line is a row without its value.
    if (fieldCount === 1 && fields[0] === null && columnCount > 1) return undefined
    const raw = text.slice(start, parsed.end).replace(/\r?\n$/, '')
    const content =
      problem !== undefined
        ? new Malformed(problem)
        : fieldCount === columnCount
          ? fields
          : new Malformed(
              `the row has ${fieldCount} ${fieldCount === 1 ? 'field' : 'fields'}, the header ${columnCount}`,
            )
    return { row: row++, raw, content }
  }

  return {
    push: (piece) => scan(rest + piece, false),
    end: function* () {
      yield* scan(rest, true)
      if (columnCount === 0) throw new Unreadable('is empty', ingestCodes.emptyFile)
    },
  }
}

function checkHeader(names: readonly string[], problem: string | undefined): void {
  if (problem !== undefined) throw new Unreadable(`has a header that cannot be read: ${problem}`)
  if (names.some((name) => /\r(?!\n)/.test(name))) {
    throw new Unreadable('has line ends of CR alone: they should be LF or CR and LF')
  }
  const empty = names.findIndex((name) => name.trim() === '')
  if (empty !== -1) {
    throw new Unreadable(
      names.length === 1 ? 'has an empty header' : `has a header without a name for column ${empty + 1}`,
      ingestCodes.emptyHeader,
    )
  }
  const seen = new Set<string>()
  const twice = names.find((name) => seen.size === seen.add(name).size)
  if (twice !== undefined) throw new Unreadable(`names the column ${JSON.stringify(twice)} twice`)
}

interface WholeText {
  readonly text: string
  readonly isLast: boolean
  readonly comma: Finder
  readonly lineEnd: Finder
}

/** Where a character comes next, or the length of the text; asked from left to right. */
type Finder = (from: number) => number

function finder(text: string, character: string): Finder {
  let next = -1
  return (from) => {
    if (next < from) {
      next = text.indexOf(character, from)
      if (next === -1) next = text.length
    }
    return next
  }
}

/** Undefined: the text ends before the record does. */
function parseRecord(
  whole: WholeText,
  { start, row, fieldsMax }: { readonly start: number; readonly row: number; readonly fieldsMax: number },
): Parsed | undefined {
  const { text, isLast } = whole
  const fields: CsvFields = []
  let fieldCount = 0
  for (let at = start; ;) {
    let end: number
    if (text.charCodeAt(at) === quote) {
      const closing = closingQuote(text, at + 1)
      if (closing === -1) {
        if (isLast) throw new Unreadable(`ends inside of a quoted field that begins in row ${row}`)
        return undefined
      }
      end = closing + 1
      if (end === text.length && !isLast) return undefined
      if (fieldCount++ < fieldsMax) {
        const value = text.slice(at + 1, closing)
        fields.push(value.includes('"') ? value.replaceAll('""', '"') : value)
      }
      if (text.charCodeAt(end) === carriageReturn && text.charCodeAt(end + 1) === lineEnd) end += 1
      else if (text.charCodeAt(end) === carriageReturn && end + 1 === text.length) {
        if (!isLast) return undefined
        end += 1
      }
      const next = text.charCodeAt(end)
      if (end < text.length && next !== comma && next !== lineEnd) {
        const line = text.indexOf('\n', end)
        if (line === -1 && !isLast) return undefined
        const problem = 'text follows the closing quote of a field'
        return { fields, fieldCount, end: line === -1 ? text.length : line + 1, problem }
      }
    } else {
      end = Math.min(whole.comma(at), whole.lineEnd(at))
      if (end === text.length && !isLast) return undefined
      const isCut = text.charCodeAt(end) !== comma && end > at && text.charCodeAt(end - 1) === carriageReturn
      const valueEnd = isCut ? end - 1 : end
      if (fieldCount++ < fieldsMax) fields.push(valueEnd === at ? null : text.slice(at, valueEnd))
    }
    if (end >= text.length) return { fields, fieldCount, end: text.length }
    at = end + 1
    if (text.charCodeAt(end) === lineEnd) return { fields, fieldCount, end: at }
    if (at === text.length) {
      if (!isLast) return undefined
      if (fieldCount++ < fieldsMax) fields.push(null) // The last field of the last line.
      return { fields, fieldCount, end: at }
    }
  }
}

function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at !== -1; at = text.indexOf('"', at + 2)) {
    if (text.charCodeAt(at + 1) !== quote) return at
  }
  return -1
}
