import { createHash, randomUUID } from 'node:crypto'
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { readTextIfThere } from '#base/system-error.ts'
import {
  type ChainLink,
  insertChain,
  lockSealing,
  selectChain,
  selectChainHead,
  selectUnchained,
  takeUnsealed,
} from '#metadata/audit.ts'
import type { Metadata } from '#metadata/metadata.ts'

const sealedAtOnce = 1_000
const readAtOnce = 5_000
const findingsMax = 1_000

export interface AuditFinding {
  readonly kind: 'changed' | 'removed' | 'added' | 'cut off' | 'rewritten'
  /** Place in the chain, where it has one. */
  readonly sequence: string | undefined
  readonly entryId: string | undefined
  readonly message: string
}

export interface AuditReport {
  readonly isRight: boolean
  readonly sealedCount: number
  readonly headHash: string | undefined
  readonly findings: readonly AuditFinding[]
}

interface ChainOptions {
  readonly metadata: Metadata
  /** Outside of the database: who can write that alone cannot make a chain that agrees with it. */
  readonly headFile: string
}

/** The hash of a link: over the one before and the whole entry. */
function linkHash(previous: Buffer | undefined, text: string): Buffer {
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
export async function sealAudit({ metadata, headFile }: ChainOptions): Promise<number> {
  let sealed = 0
  for (;;) {
    const step = await metadata.transaction(async (tx) => {
      if (!(await lockSealing(tx))) return undefined
      const before = await selectChainHead(tx)
      const entries = await takeUnsealed(tx, sealedAtOnce)
      if (entries.length === 0) return { count: 0, head: before }
      let sequence = before?.sequence ?? 0n
      let hash = before?.hash
      const links = entries.map(({ id, text }) => {
        sequence += 1n
        hash = linkHash(hash, text)
        return { sequence, auditId: id, hash }
      })
      await insertChain(tx, links)
      await faultPoint('audit.seal.before')
      return { count: entries.length, head: links.at(-1) }
    })
    if (!step) return sealed
    if (step.count > 0) await faultPoint('audit.seal.after')
    if (step.head) await advanceNote(metadata, headFile, step.head)
    sealed += step.count
    if (step.count < sealedAtOnce) return sealed
  }
}

/** Reads the whole chain again and compares it with the entries and with the noted head. */
export async function verifyAudit({ metadata, headFile }: ChainOptions): Promise<AuditReport> {
  const { db } = metadata
  const findings: AuditFinding[] = []
  const find = (finding: AuditFinding) => {
    if (findings.length < findingsMax) findings.push(finding)
  }
  const noted = await readHead(headFile)
  let last: ChainLink | undefined
  let count = 0
  for (;;) {
    const page = await selectChain(db, { after: last?.sequence ?? 0n, limit: readAtOnce })
    for (const link of page) {
      const expected = (last?.sequence ?? 0n) + 1n
      const place = { sequence: String(link.sequence), entryId: link.auditId }
      const isAfterGap = link.sequence !== expected
      for (let lost = expected; lost < link.sequence && findings.length < findingsMax; lost += 1n) {
        find({
          kind: 'removed',
          sequence: String(lost),
          entryId: undefined,
          message: `Place ${lost} of the chain is gone.`,
        })
      }
      if (link.text === undefined) {
        find({
          kind: 'removed',
          ...place,
          message: `Entry ${link.auditId} at place ${link.sequence} is gone.`,
        })
      } else if (!isAfterGap && !linkHash(last?.hash, link.text).equals(link.hash)) {
        find({
          kind: 'changed',
          ...place,
          message: `Entry ${link.auditId} at place ${link.sequence} is not what was sealed there: it was changed, or moved.`,
        })
      }
      if (noted?.sequence === link.sequence && !noted.hash.equals(link.hash)) {
        find({
          kind: 'rewritten',
          ...place,
          message: `The chain up to place ${link.sequence} is not the one this server sealed.`,
        })
      }
      last = link
      count += 1
    }
    if (page.length < readAtOnce) break
  }
  if (noted && noted.sequence > (last?.sequence ?? 0n)) {
    find({
      kind: 'cut off',
      sequence: String(noted.sequence),
      entryId: undefined,
      message: `The chain ends at place ${last?.sequence ?? 0n}; it had been sealed up to ${noted.sequence}.`,
    })
  }
  for (const entryId of await selectUnchained(db, findingsMax)) {
    const message = `Entry ${entryId} was never sealed: it was put in by other means.`
    find({ kind: 'added', sequence: undefined, entryId, message })
  }
  return {
    isRight: findings.length === 0,
    sealedCount: count,
    headHash: last?.hash.toString('hex'),
    findings,
  }
}

const headSchema = z.object({
  sequence: z.string().regex(/^\d{1,19}$/),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
})

/**
 * The note only moves on, and only from a head that the chain still has: where the chain was cut off or made anew, it
 * stays as the evidence.
 */
async function advanceNote(metadata: Metadata, path: string, head: ChainLink): Promise<void> {
  const noted = await readHead(path)
  if (noted) {
    if (noted.sequence >= head.sequence) return
    const [link] = await selectChain(metadata.db, { after: noted.sequence - 1n, limit: 1 })
    if (link?.sequence !== noted.sequence || !link.hash.equals(noted.hash)) return
  }
  await noteHead(path, head)
}

async function noteHead(path: string, { sequence, hash }: ChainLink): Promise<void> {
  // Two sealers may note at once; the earlier note last is only behind.
  const draft = `${path}.${randomUUID()}.new`
  {
    await using file = await open(draft, 'w', 0o600)
    await file.writeFile(`${JSON.stringify({ sequence: String(sequence), hash: hash.toString('hex') })}\n`)
    await file.sync()
  }
  await faultPoint('audit.head.middle')
  await rename(draft, path)
  await using folder = await open(dirname(path), 'r')
  await folder.sync()
}

async function readHead(path: string): Promise<ChainLink | undefined> {
  const text = await readTextIfThere(path)
  if (text === undefined) return undefined
  try {
    const { sequence, hash } = headSchema.parse(JSON.parse(text))
    return { sequence: BigInt(sequence), hash: Buffer.from(hash, 'hex') }
  } catch (cause) {
    throw new AppError('home.unusable', `The file ${path} does not hold the head of the audit's chain.`, {
      cause,
    })
  }
}
