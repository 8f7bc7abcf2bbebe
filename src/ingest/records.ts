/** A record of a text file, by its place in the file from 1. */
export interface TextRecord<T> {
  readonly row: number
  /** As it stands in the file. */
  readonly raw: string
  readonly content: T | Malformed
}

/** Why a record cannot be read, in words that follow its place. */
export class Malformed {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}

/** What is read of a record, if it is text at all: a byte that is no part of a character came as half of one. */
export function contentOf<T>({ raw, content }: TextRecord<T>): T | Malformed {
  return raw.isWellFormed() ? content : new Malformed('it is not UTF-8')
}

/** Finds the records of a text that comes in pieces. */
export interface RecordScanner<T> {
  /** The records that are whole now. @throws Unreadable */
  push(piece: string): Iterable<TextRecord<T>>
  /** The last ones. @throws Unreadable */
  end(): Iterable<TextRecord<T>>
}

/**
 * Takes records out of a text before they are read. @returns where the record ends that begins at `start`, line end
 * included, or `start` when it was not taken
 */
export type Sieve = (text: string, start: number) => number

/** What makes a whole file unreadable, in words that follow its name. */
export class Unreadable extends Error {
  readonly code: string | undefined
  constructor(problem: string, code?: string) {
    super(problem)
    this.name = 'Unreadable'
    this.code = code
  }
}

/** Of a record with more levels than JavaScript can go down. */
export const tooDeep = 'it is nested too deeply'

/** Whether going down a record used up the stack. */
export function isTooDeep(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes('call stack')
}

/** A record longer than this makes its file unreadable: what seems one record has lost its end. */
export const recordLengthMax = 8 * 1024 * 1024

export function checkRecordLength(length: number, row: number): void {
  if (length <= recordLengthMax) return
  throw new Unreadable(
    `has a record (row ${row}) of more than ${recordLengthMax / 1024 / 1024} million characters`,
  )
}
