import { createHash } from 'node:crypto'
import type { Staged, StageToken } from '../object-store.ts'
import { existsError, missing } from './create-once.ts'

export interface Completion {
  readonly token: StageToken
  readonly staged: Staged
  /** Of the final name. */
  readonly key: string
  readonly stagedKey: string
  readonly signal: AbortSignal
}

/** What has the final name. */
interface Found {
  readonly bytes: number
  readonly marks: Readonly<Record<string, string>>
}

/** What a store does its own way. */
export interface Completing {
  /** Looks at the final name. */
  readonly head: () => Promise<Found | undefined>
  /** Makes the object of the staged bytes, only where the name is free; it bears the token's id and the hash. */
  readonly copyOnce: () => Promise<'created' | 'exists'>
  /** Reads what has the final name. */
  readonly read: () => AsyncIterable<Uint8Array>
  /** The mark that is the SHA-256 of the bytes. */
  readonly hashMark: string
}

/**
 * Gives staged bytes their final name. Whoever completes again recognises the object as the one that is wanted, by its
 * mark or by its bytes.
 * @throws AppError 'object.missing', 'object.exists', and what the store's own steps throw
 */
export async function completeOnce(
  store: { readonly location: string },
  { token, staged, signal }: Completion,
  completing: Completing,
): Promise<void> {
  signal.throwIfAborted()
  let there = await completing.head()
  if (!there) {
    if ((await completing.copyOnce()) === 'created') return
    there = await completing.head()
  }
  if (!there) throw missing(store, token.name)
  if (!(await holds(completing, staged, there))) throw existsError(store, token.name)
}

async function holds({ hashMark, read }: Completing, staged: Staged, there: Found): Promise<boolean> {
  if (there.bytes !== staged.bytes) return false
  const mark = there.marks[hashMark]
  if (mark !== undefined) return mark === staged.sha256
  const hash = createHash('sha256')
  for await (const chunk of read()) hash.update(chunk)
  return hash.digest('hex') === staged.sha256
}
