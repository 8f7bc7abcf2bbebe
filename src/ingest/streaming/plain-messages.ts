import type { CallText } from '../streaming.ts'
import type { Addressed } from './message.ts'
import { type Envelope, envelopeAt, rowLengthMax } from './envelope.ts'

/** A row that certainly fits, as it was written. */
export interface PlainRow {
  readonly addressed: Addressed
  readonly text: string
  readonly id: string | undefined
}

/** What rows of a message's dataset look like. Undefined: they cannot be told by that, or may not be sent. */
export type RowPattern = (addressed: Addressed) => RegExp | undefined | Promise<RegExp | undefined>

export interface PlainMessages {
  /** The rows of a call's text, if each of them is plain and in an envelope that is known. */
  read(inletId: string, call: CallText, patternOf: RowPattern): Promise<readonly PlainRow[] | undefined>
  /** Learns the envelope of the first message of a call that was read. */
  learn(inletId: string, call: CallText, row: RegExp): void
}

/** Of an inlet: senders that write for several datasets. */
const envelopesMax = 8
const inletsMax = 1_000
const opening = /\{ ?"messages" ?: ?\[ ?/y
const between = /, ?/y
const closing = /^ ?\] ?\}\s*$/

/** Takes rows out of texts whose envelopes are known: nothing of them is made into objects, nor written anew. */
export function createPlainMessages(): PlainMessages {
  const known = new Map<string, Envelope[]>()
  return {
    read: async (inletId, { text, isSeveral }, patternOf) => {
      const envelopes = known.get(inletId)
      // Patterns know of no halves of characters.
      if (!envelopes || !text.isWellFormed()) return undefined
      const patterns = new Map<Envelope, RegExp>()
      const rows: PlainRow[] = []
      let at = isSeveral ? endOf(opening, text, 0) : 0
      while (at !== undefined) {
        const start: number = at
        const envelope = envelopes.find(({ head }) => text.startsWith(head, start))
        if (!envelope) return undefined
        let pattern = patterns.get(envelope)
        if (!pattern) {
          const told = patternOf(envelope.addressed)
          // Known already, mostly, and this is done for each of thousands of calls a second.
          pattern = told instanceof Promise ? await told : told
          if (!pattern) return undefined
          patterns.set(envelope, pattern)
        }
        const from = start + envelope.head.length
        pattern.lastIndex = 0
        const match = pattern.exec(text.slice(from, from + rowLengthMax))
        const end = from + pattern.lastIndex
        if (!match || !text.startsWith(envelope.tail, end)) return undefined
        rows.push({ addressed: envelope.addressed, text: match[0], id: textIn(match.groups?.['_id']) })
        const next = end + envelope.tail.length
        if (next === text.length && !isSeveral) return rows
        at = isSeveral ? endOf(between, text, next) : undefined
        if (at === undefined) return isSeveral && closing.test(text.slice(next)) ? rows : undefined
      }
      return undefined
    },
    learn: (inletId, { text, isSeveral }, row) => {
      const start = isSeveral ? endOf(opening, text, 0) : 0
      const envelope = start === undefined ? undefined : envelopeAt(text, start, row)
      if (!envelope) return
      if (known.size >= inletsMax) known.clear()
      const others = (known.get(inletId) ?? []).filter(({ head }) => head !== envelope.head)
      known.set(inletId, [envelope, ...others].slice(0, envelopesMax))
    },
  }
}

function endOf(pattern: RegExp, text: string, from: number): number | undefined {
  pattern.lastIndex = from
  return pattern.test(text) ? pattern.lastIndex : undefined
}

/** What a text of JSON says. */
function textIn(quoted: string | undefined): string | undefined {
  if (quoted?.includes('\\') === true) return JSON.parse(quoted) as string
  return quoted?.slice(1, -1)
}
