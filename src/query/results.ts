import type { Readable } from 'node:stream'
import type { Caller } from '#datasets/datasets.ts'
import type { Encoding } from '#encode/encoding.ts'
import type { Chunk, PullLimit } from '#engine/engine.ts'
import type { Field } from '#types/data-type.ts'
import type { QueryRequest, QueryState } from './background.ts'

export type { Encoding } from '#encode/encoding.ts'

/**
 * Results that are computed once and kept for a while, as files: for pages, and for many readers at a time. Whoever asked
 * for one gets it, and nobody else; making one needs 'batch-queries', as it has no limit of rows.
 */
export interface KeptResults {
  /** @throws AppError 'query.syntax', 'query.unsupported' for anything but one SELECT */
  create(caller: Caller, request: QueryRequest, options: { readonly partBytes: number }): Promise<KeptResult>
  /** @throws AppError 'result.unknown' alike for another's, 'result.expired' */
  get(caller: Caller, id: string): Promise<KeptResult>
  /** Rows from one position on, in the result's order; nothing is computed again. */
  rows(
    caller: Caller,
    id: string,
    options: {
      readonly start: number
      readonly limit: number | undefined
      readonly encoding: Encoding
      readonly signal: AbortSignal
    },
  ): Promise<{ readonly columns: readonly Field[]; readonly rows: ResultRows; readonly rowCount: number }>
  /** Deletes it and its files; a part that is being read is read to its end. */
  delete(caller: Caller, id: string): Promise<void>
  /** What a link to a part says; whoever has it needs nothing else until it expires. */
  link(result: KeptResult, part: PartLink): string
  /** @throws AppError 'access.denied' for a link that is not ours, or over */
  part(id: string, link: PartLink, signature: string, signal: AbortSignal): Promise<ServedPart>
  /** Removes what has expired; how many folders. Idempotent. */
  removeExpired(): Promise<number>
}

export interface PartLink {
  readonly index: number
  readonly format: 'parquet' | 'arrow'
  /** Seconds since 1970. */
  readonly expires: number
}

export interface KeptResult {
  readonly id: string
  readonly state: QueryState
  readonly error: { readonly message: string } | undefined
  readonly columns: readonly Field[]
  readonly rowCount: number
  readonly parts: readonly ResultPart[]
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly linkKey: string
}

export interface ResultPart {
  readonly name: string
  readonly rowCount: number
  readonly bytes: number
}

export type ServedPart =
  | {
      readonly format: 'parquet'
      readonly bytes: number
      /** `end` is exclusive; the range is not empty. */
      read(range: { readonly start: number; readonly end: number }): Readable
    }
  | { readonly format: 'arrow'; readonly rows: ResultRows }

/** Pulled to the end or disposed before the next result is asked for. */
export interface ResultRows extends AsyncDisposable {
  pull(limit: PullLimit): Promise<Chunk>
}
