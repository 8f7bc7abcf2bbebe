import { ingestCodes } from './ingest-failure.ts'
import {
  checkRecordLength,
  isTooDeep,
  Malformed,
  type RecordScanner,
  type Sieve,
  type TextRecord,
  tooDeep,
  Unreadable,
} from './records.ts'
import { closingQuote, hasTooManyKeys, parseStrictJson, tooManyKeys } from './strict-json.ts'
import { isObject } from './value-readers.ts'

/**
 * One object a line (its row is the line), or an array of objects (its row is the place in it). `isMultiLine`: objects of
 * any number of lines, one after the other (its row is its place among them).
 * @param options.sieve of lines
 */
export function jsonScanner({
  isMultiLine = false,
  sieve,
}: { readonly isMultiLine?: boolean; readonly sieve?: Sieve | undefined } = {}): RecordScanner<object> {
  let chosen: RecordScanner<object> | undefined
  return {
    push: (piece) => {
      if (!chosen) {
        const first = /\S/.exec(piece)?.[0]
        if (first === undefined) return []
        chosen = first === '[' ? valuesScanner(true) : isMultiLine ? valuesScanner(false) : lineScanner(sieve)
      }
      return chosen.push(piece)
    },
    end: () => {
      if (!chosen) throw new Unreadable('is empty', ingestCodes.emptyFile)
      return chosen.end()
    },
  }
}

function lineScanner(sieve: Sieve = (_text, start) => start): RecordScanner<object> {
  let rest = ''
  let row = 1

  function* take(line: string): Generator<TextRecord<object>> {
    checkRecordLength(line.length, row)
    if (line.trim() !== '') yield { row, raw: line, content: parse(line) }
    row += 1
  }

  return {
    push: function* (piece) {
      let start = 0
      for (;;) {
        const taken = rest === '' ? sieve(piece, start) : start
        if (taken > start) {
          row += 1
          start = taken
          continue
        }
        const end = piece.indexOf('\n', start)
        if (end === -1) break
        const line = rest + piece.slice(start, end)
        rest = ''
        yield* take(line)
        start = end + 1
      }
      rest += piece.slice(start)
      checkRecordLength(rest.length, row)
    },
    end: () => take(rest),
  }
}

const structurePattern = /["[\]{},]|[^\s"[\]{},]+/g

/** Values in an array, or without one around them. */
function valuesScanner(isArray: boolean): RecordScanner<object> {
  const structure = new RegExp(structurePattern)
  let text = ''
  let at = 0
  let row = 1
  /** Brackets that are open: 0 outside of the array, 1 between its elements. */
  let depth = isArray ? 0 : 1
  let start = -1
  let isOver = false
  /** Between the elements of an array: one must come. */
  let isBehindComma = false

  function* finish(end: number, { isElement = false } = {}): Generator<TextRecord<object>> {
    const raw = start === -1 ? '' : text.slice(start, end).trim()
    start = -1
    if (raw !== '') yield { row: row++, raw, content: parse(raw) }
    else if (isElement)
      yield { row: row++, raw, content: new Malformed('an element of the array is missing') }
  }

  function* scan(isLast: boolean): Generator<TextRecord<object>> {
    structure.lastIndex = at
    for (;;) {
      const from = structure.lastIndex
      const match = structure.exec(text)
      if (!match) break
      const token = match[0]
      if (isOver || (depth === 0 && token !== '[')) throw new Unreadable('has text outside of its array')
      if (token === '"') {
        const end = closingQuote(text, match.index + 1)
        if (end === -1) {
          structure.lastIndex = from
          break
        }
        structure.lastIndex = end + 1
      }
      if (depth === 1 && token === ',' && isArray) {
        yield* finish(match.index, { isElement: true })
        isBehindComma = true
      } else if (depth === 1 && token === ']' && isArray) {
        yield* finish(match.index, { isElement: isBehindComma })
        depth = 0
        isOver = true
      } else {
        if (depth === 1 && start === -1) start = match.index
        if (token === '[' || token === '{') depth += 1
        else if ((token === ']' || token === '}') && depth > 1) {
          depth -= 1
          if (depth === 1 && !isArray) yield* finish(structure.lastIndex)
        }
      }
      at = structure.lastIndex
    }
    if (isLast && !isArray && (depth > 1 || at < text.trimEnd().length)) {
      throw new Unreadable('ends inside of an object: it seems to be cut off')
    }
    if (isLast && !isArray) yield* finish(text.length)
    if (isLast && isArray && !isOver) {
      throw new Unreadable('ends inside of its array: it seems to be cut off')
    }
    const kept = start === -1 ? at : start
    text = text.slice(kept)
    at -= kept
    if (start !== -1) start = 0
    checkRecordLength(text.length, row)
  }

  return {
    push: function* (piece) {
      text += piece
      yield* scan(false)
    },
    end: () => scan(true),
  }
}

function parse(text: string): object | Malformed {
  if (hasTooManyKeys(text)) return new Malformed(tooManyKeys)
  let value: unknown
  try {
    value = parseStrictJson(text)
  } catch (error) {
    if (isTooDeep(error)) return new Malformed(tooDeep)
    return new Malformed(`it is not JSON: ${error instanceof Error ? error.message : ''}`)
  }
  return isObject(value) ? value : new Malformed('it is not a JSON object')
}
