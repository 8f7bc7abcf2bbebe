/** What crosses into a function and out of it. `long` is a bigint, `bytes` may be a view into the engine's memory. */
interface NativeValues {
  readonly boolean: boolean
  readonly integer: number
  readonly long: bigint
  readonly double: number
  readonly text: string
  readonly bytes: Uint8Array
  readonly texts: readonly (string | null)[]
  readonly doubles: readonly number[]
  readonly pairs: readonly (readonly number[])[]
  readonly integers: readonly (number | null)[]
  readonly blobs: readonly Uint8Array[]
}

export type NativeType = keyof NativeValues

/**
 * A function of one row that the engine's children run in JavaScript, for what the engine's own language cannot say or
 * says a hundred times slower. It is pure: no files, no clock, no state but memory of what it read before.
 */
export interface NativeFunction {
  /** As printed SQL calls it. */
  readonly name: string
  readonly takes: readonly NativeType[]
  readonly gives: NativeType
  /** NULL in, NULL out: it is never called with one. An error is the statement's. */
  readonly run: (...values: readonly never[]) => unknown
  /** Whether a row's time is bounded by the size of its values alone, so that nobody must watch it. */
  readonly isBounded: boolean
}

type Given<T extends readonly NativeType[]> = { [K in keyof T]: NativeValues[T[K]] }

export function native<const T extends readonly NativeType[], G extends NativeType>(
  name: string,
  takes: T,
  gives: G,
  run: (...values: Given<T>) => NativeValues[G] | null,
): NativeFunction {
  return { name, takes, gives, run, isBounded: true }
}

/** Functions whose time may grow faster than their values, as a search that tries everything does: they are stopped. */
export function unbounded(functions: readonly NativeFunction[]): readonly NativeFunction[] {
  return functions.map((one) => ({ ...one, isBounded: false }))
}

/** Remembers what the last few texts meant, because a column's constants come with each row. */
export function remembering<Meaning>(read: (text: string) => Meaning): (text: string) => Meaning {
  const known = new Map<string, Meaning>()
  return (text) => {
    const old = known.get(text)
    if (old !== undefined) return old
    const meaning = read(text)
    if (known.size >= 64) known.clear()
    known.set(text, meaning)
    return meaning
  }
}
