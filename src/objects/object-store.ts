/**
 * Where files are kept or delivered. A store writes in two steps, so that a name appears only when all of its bytes
 * are there; no object is ever written twice.
 *
 * **Visible** means: listed and readable under its final name. Names are relative, with `/` between folders, without
 * `.`, `..`, empty parts or control characters.
 */
export interface ObjectStore extends AsyncDisposable {
  /** For people: `file:///data/out`. Never a secret. */
  readonly location: string

  /**
   * Writes the bytes so that nothing is visible yet. The token can be stored and completed by another process; it is
   * made before the first byte (`prepare`) so that the intent can be recorded first. A chunk is used up when the next one
   * is asked for: its giver may fill the same memory again.
   */
  stage(
    token: StageToken,
    bytes: AsyncIterable<Uint8Array>,
    options: { readonly signal: AbortSignal },
  ): Promise<Staged>

  /** Makes a token for a final name; touches nothing. `owner` marks whose it is (run and attempt). */
  prepare(name: string, owner: string): StageToken

  /**
   * Makes the staged bytes visible under their final name. Safe to repeat, also after a lost answer.
   * @throws AppError 'object.missing' when neither the staged bytes nor the finished object are there,
   *   'object.exists' when the name holds other bytes
   */
  complete(token: StageToken, staged: Staged, options: { readonly signal: AbortSignal }): Promise<void>

  /** Removes what was staged; nothing happens when there is nothing. Never touches a visible object. */
  abort(token: StageToken, options?: { readonly signal?: AbortSignal }): Promise<void>

  /**
   * Reads back what was staged and is not yet visible, for the second reader, who compares its SHA-256: that alone tells
   * whether a large one is damaged. A chunk holds until the next is asked for.
   * @throws AppError 'object.missing'
   */
  readStaged(token: StageToken, options: { readonly signal: AbortSignal }): AsyncIterable<Uint8Array>

  /** Creates a small object (≤ 8 MiB) whole, only if the name is free. Atomic. */
  putIfAbsent(
    name: string,
    bytes: Uint8Array,
    options: { readonly signal: AbortSignal },
  ): Promise<'created' | 'exists'>

  /** Visible objects whose name begins with the prefix, in name order; staging names never appear. */
  list(prefix: string, options: { readonly signal: AbortSignal }): AsyncIterable<ObjectSummary>

  head(name: string, options: { readonly signal: AbortSignal }): Promise<ObjectSummary | undefined>

  /** `start` inclusive, `end` exclusive; the whole object without a range. @throws AppError 'object.missing' */
  read(
    name: string,
    options: { readonly signal: AbortSignal; readonly start?: number; readonly end?: number },
  ): AsyncIterable<Uint8Array>

  /** Nothing happens when it is not there. */
  delete(name: string, options?: { readonly signal?: AbortSignal }): Promise<void>
}

/** Serialisable as JSON. */
export interface StageToken {
  readonly name: string
  readonly owner: string
  /** Unique for this staging. */
  readonly id: string
}

export interface Staged {
  readonly bytes: number
  /** Lower-case hexadecimal. */
  readonly sha256: string
}

export interface ObjectSummary {
  readonly name: string
  readonly bytes: number
  readonly modifiedAt: Date
}
