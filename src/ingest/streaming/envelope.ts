import { isObject } from '../value-readers.ts'
import { type Addressed, messageOf } from './message.ts'

/** The text around a row: what a sender writes alike for each. Whoever finds it again need not read it again. */
export interface Envelope {
  /** From the message's first character up to the row. */
  readonly head: string
  /** From behind the row to the message's last character. */
  readonly tail: string
  readonly addressed: Addressed
}

const lengthMax = 4_096
/** Longer rows are read: to find that one is not plain may take longer than that. */
export const rowLengthMax = 16 * 1024
const rowName = /"xdmEntity" ?: ?/g
/** What tells whether a brace is one: texts, and braces outside of them. */
const structure = /"(?:[^"\\]|\\.)*"|[{}]/g
const mark = 'row'

/**
 * The envelope of the message that begins at a place of a text, if it is short and what lies in it is plain.
 * @param row what a row looks like, from the place on where it is searched
 */
export function envelopeAt(text: string, start: number, row: RegExp): Envelope | undefined {
  rowName.lastIndex = start
  if (!rowName.test(text)) return undefined
  const rowStart = rowName.lastIndex
  if (rowStart - start > lengthMax) return undefined
  row.lastIndex = 0
  if (!row.test(text.slice(rowStart, rowStart + rowLengthMax))) return undefined
  const rowEnd = rowStart + row.lastIndex
  const end = messageEnd(text, rowEnd)
  if (end === undefined) return undefined
  const [head, tail] = [copyOf(text.slice(start, rowStart)), copyOf(text.slice(rowEnd, end))]
  const addressed = addressedBy(head, tail)
  return addressed && { head, tail, addressed }
}

/** A part of a text keeps all of it in memory. */
function copyOf(part: string): string {
  return Buffer.from(part).toString()
}

/** Two braces are open behind a row: its message's and its body's. */
function messageEnd(text: string, from: number): number | undefined {
  let depth = 2
  structure.lastIndex = from
  while (structure.lastIndex - from < lengthMax) {
    const [token] = structure.exec(text) ?? []
    if (token === undefined) return undefined
    if (token === '{') depth += 1
    else if (token === '}') depth -= 1
    if (depth === 0) return structure.lastIndex
  }
  return undefined
}

/** Undefined when what was taken for the row is none: of a name that is there twice, say, the last one counts. */
function addressedBy(head: string, tail: string): Addressed | undefined {
  try {
    const message = JSON.parse(`${head}"${mark}"${tail}`) as { body?: { xdmEntity?: unknown } }
    if (!isObject(message.body) || message.body.xdmEntity !== mark) return undefined
    const { entity: _, ...addressed } = messageOf({ ...message, body: { ...message.body, xdmEntity: {} } })
    return addressed
  } catch {
    return undefined // Whoever reads all of it will say so.
  }
}
