import { createHash } from 'node:crypto'
import type { Clock } from '#base/clock.ts'
import { faultPoint } from '#base/faults.ts'
import {
  type ChainLink,
  insertChain,
  lockSealing,
  selectChain,
  selectChainHead,
  takeUnsealed,
} from '#metadata/audit-chain.ts'
import type { Db, Metadata, Transaction } from '#metadata/metadata.ts'
import { explanationOf } from './audit-expiry-entry.ts'
import { type AuditNotes, noteHead, noteMarks, readHead, readMarks } from './audit-notes.ts'

const sealedAtOnce = 1_000
const markEveryMs = 86_400_000

export interface ChainOptions extends AuditNotes {
  readonly metadata: Metadata
  readonly clock: Clock
  /** Entries that are older may be removed. */
  readonly retentionMs: number
}

/** The hash of a link: over the one before and the whole entry. */
export function linkHash(previous: Buffer | undefined, text: string): Buffer {
  return createHash('sha256')
    .update(previous ?? Buffer.alloc(32))
    .update(text)
    .digest()
}

/**
 * Puts the entries that wait at the end of the chain, in one transaction; then notes the head. A crash between leaves
 * the note behind the chain, which is no finding; the next call mends it.
 * @returns how many were sealed; 0 also when somebody else seals now
 */
export async function sealAudit(options: ChainOptions): Promise<number> {
  const { metadata } = options
  await markChain(options)
  let sealed = 0
  for (;;) {
    const step = await metadata.transaction(async (tx) =>
      (await lockSealing(tx)) ? await sealWaiting(tx) : undefined,
    )
    if (!step) return sealed
    if (step.count > 0) await faultPoint('audit.seal.after')
    if (step.head) await advanceNote(metadata.db, options, step.head)
    sealed += step.count
    if (!step.isMore) return sealed
  }
}

/** One step, of whoever has the lock on sealing. */
export async function sealWaiting(
  tx: Transaction,
): Promise<{ readonly count: number; readonly isMore: boolean; readonly head: ChainLink | undefined }> {
  const before = await selectChainHead(tx)
  const entries = await takeUnsealed(tx, sealedAtOnce)
  if (entries.length === 0) return { count: 0, isMore: false, head: before }
  let sequence = before?.sequence ?? 0n
  let hash = before?.hash
  const links = entries.map(({ id, text }) => {
    sequence += 1n
    hash = linkHash(hash, text)
    return { sequence, auditId: id, hash }
  })
  await insertChain(tx, links)
  await faultPoint('audit.seal.before')
  return { count: entries.length, isMore: entries.length === sealedAtOnce, head: links.at(-1) }
}

/** Moments that are noted before anything is done on their word. */
async function markChain(options: ChainOptions): Promise<void> {
  const { metadata, clock, retentionMs } = options
  const now = clock.now()
  const noted = await readMarks(options)
  const last = noted?.marks.at(-1)
  if (last && now.getTime() - last.at.getTime() < markEveryMs) return
  const head = await selectChainHead(metadata.db)
  const keptSince = laterOf(noted?.keptSince, new Date(now.getTime() - retentionMs))
  const marks = [...(noted?.marks ?? []), { at: now, sequence: head?.sequence ?? 0n }]
  await noteMarks(options, { keptSince, marks: marks.filter(({ at }) => at >= keptSince) })
}

export function laterOf(one: Date | undefined, other: Date): Date {
  return one && one > other ? one : other
}

/**
 * The note only moves on, and only from a head that the chain still has or has let go of for its age: where the chain
 * was cut off or made anew, it stays as the evidence.
 */
async function advanceNote(db: Db, notes: AuditNotes, head: ChainLink): Promise<void> {
  const noted = await readHead(notes)
  if (noted) {
    if (noted.sequence >= head.sequence) return
    const [link] = await selectChain(db, { after: noted.sequence - 1n, limit: 1 })
    const isThere = link?.sequence === noted.sequence && link.hash.equals(noted.hash)
    const isExpired = link !== undefined && link.sequence > noted.sequence && (await isStart(db, link))
    if (!isThere && !isExpired) return
  }
  await noteHead(notes, head)
}

async function isStart(db: Db, link: ChainLink): Promise<boolean> {
  const [first] = await selectChain(db, { after: 0n, limit: 1 })
  return first?.sequence === link.sequence && (await explanationOf(db, link.sequence - 1n)) !== undefined
}
