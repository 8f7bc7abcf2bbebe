import type { ErrorCode } from '#base/errors.ts'
import type { Encoding } from '#encode/encoding.ts'
import type { Field } from '#types/data-type.ts'
import type { Rows } from '../encoded-rows.ts'

/** To the thread that encodes. Each `pull` is answered by rows or a failure, after as many needs as it takes. */
export type ToThread = { readonly statement: number } & (
  | { readonly op: 'open'; readonly encoding: Encoding; readonly columns: readonly Field[] }
  | { readonly op: 'pull'; readonly rowCountMax: number; readonly bytesMax: number }
  /** What a need was answered: an Arrow stream, or that there is nothing more. */
  | { readonly op: 'batch'; readonly bytes: Uint8Array | undefined }
  | { readonly op: 'close' }
)

export type FromThread = { readonly statement: number } & (
  | { readonly kind: 'need' }
  | { readonly kind: 'rows'; readonly rows: Rows }
  | { readonly kind: 'failure'; readonly code: ErrorCode; readonly message: string; readonly cause: string }
)

/** Bytes with a buffer of their own, which can be handed over without a copy. */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = bytes
  const isOwn = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
  return isOwn ? (bytes as Uint8Array<ArrayBuffer>) : Uint8Array.from(bytes)
}
