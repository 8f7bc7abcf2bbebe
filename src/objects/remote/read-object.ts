import type { Readable } from 'node:stream'
import { type Asking, askOnce, type Remote, waitAgain } from './ask.ts'
import { CorruptAnswer, LostAnswer } from './failure.ts'

/** Up to this size a whole object is checked before its first byte is given, and read again if it is damaged. */
const heldBytesMax = 8 * 1024 * 1024
/** Breaks of one reading that went on each time; without progress `triesMax` counts. */
const resumesMax = 100

export interface ReadRange {
  readonly name: string
  readonly start?: number
  readonly end?: number
  /** Whoever reads compares a hash of all bytes: beyond what is held, a second sum of them would tell nothing more. */
  readonly isHashed?: boolean
  readonly signal: AbortSignal
}

/** One answer with bytes of an object. */
export interface Opened {
  readonly body: Readable
  /** Of the whole object, or at least of what the answer promises. */
  readonly objectBytes: number
  /** Which version of the object this is: the next answers must be of the same. */
  readonly version: string | undefined
  /** Checksum of the whole object, where the store has one. */
  readonly sum: string | undefined
}

export interface Opener {
  /**
   * Asks for the bytes from `from` up to `end`, of `version` if one is given.
   * @throws AppError 'object.missing' also when there is another version
   */
  open(
    range: { readonly from: number; readonly end: number; readonly version: string | undefined },
    signal: AbortSignal,
  ): Promise<Opened | 'past the end'>
  /** Of the kind that `Opened.sum` is. */
  newSum(): Sum
}

export interface Sum {
  add(bytes: Uint8Array): void
  text(): string
}

/**
 * Gives the bytes; where the answer breaks off, another goes on from there, of the same version of the object. A whole
 * object is checked against its checksum: a large one when its last byte was given.
 * @throws AppError 'object.missing', 'store.corrupt', 'store.…'
 */
export async function* readObject<F>(
  remote: Remote<F>,
  opener: Opener,
  request: ReadRange,
): AsyncGenerator<Uint8Array> {
  const { failures, policy, location } = remote
  const { name, signal, start = 0, end = Number.POSITIVE_INFINITY, isHashed = false } = request
  const isWhole = start === 0 && end === Number.POSITIVE_INFINITY
  if (start >= end) return await oneByte(remote, opener, request)
  let reading: Reading | undefined
  let held: Uint8Array[] = []
  let [sum, isSummed] = [opener.newSum(), false]
  let [position, tries, resumes] = [start, 0, 0]
  for (;;) {
    const from = position
    try {
      // An answer may break after its last byte.
      if (!reading || position < reading.limit) {
        const range = { from: position, end, version: reading?.version }
        const opened = await askOnce(remote, { name, signal } satisfies Asking, (abortSignal) =>
          opener.open(range, abortSignal),
        )
        if (opened === 'past the end') return
        const { version, sum: wanted, objectBytes } = opened
        reading ??= { version, sum: wanted, limit: Math.min(objectBytes, end) }
        const isHeld = isWhole && reading.limit <= heldBytesMax
        isSummed = isWhole && (isHeld || !isHashed)
        for await (const chunk of bodyOf(opened.body, policy.idleMsMax, signal)) {
          if (position + chunk.length > reading.limit) throw new LostAnswer('More bytes than were promised.')
          position += chunk.length
          if (isSummed) sum.add(chunk)
          if (isHeld) held.push(chunk)
          else yield chunk
        }
        if (position < reading.limit) throw new LostAnswer('Fewer bytes than were promised.')
      }
      if (isSummed && reading.sum !== undefined && sum.text() !== reading.sum) {
        throw new CorruptAnswer(`The checksum is ${sum.text()}, not ${reading.sum}.`)
      }
      yield* held
      return
    } catch (error) {
      signal.throwIfAborted()
      const failure = failures.of(error)
      if (!failure) throw error
      const isDamaged = error instanceof CorruptAnswer
      const isGiven = isDamaged && held.length === 0 && position > start
      tries = position > from && !isDamaged ? 1 : tries + 1
      resumes += 1
      const isOver = tries >= policy.triesMax || resumes > resumesMax
      if (isGiven || isOver || !failures.isPassing(failure)) throw failures.error(failure, { location, name })
      if (isDamaged) {
        ;[position, held, reading] = [start, [], undefined]
        sum = opener.newSum()
      }
      await waitAgain(remote, tries, signal)
    }
  }
}

interface Reading {
  readonly version: string | undefined
  /** Where the reading ends. */
  readonly limit: number
  readonly sum: string | undefined
}

/** An empty range reads nothing, but of an object that is there. */
async function oneByte<F>(remote: Remote<F>, opener: Opener, request: ReadRange): Promise<void> {
  for await (const _ of readObject(remote, opener, { ...request, start: 0, end: 1 })) return
}

async function* bodyOf(body: Readable, idleMsMax: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const stop = () => void body.destroy()
  const late = () => void body.destroy(new LostAnswer('No more bytes in time.'))
  let timer = setTimeout(late, idleMsMax)
  signal.addEventListener('abort', stop, { once: true })
  try {
    if (signal.aborted) stop()
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      clearTimeout(timer) // Who reads may take their time; only the store's counts.
      yield chunk
      timer = setTimeout(late, idleMsMax)
    }
    signal.throwIfAborted()
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
    body.destroy()
  }
}
