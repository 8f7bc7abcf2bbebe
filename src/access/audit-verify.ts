import { type ChainLink, selectChain, selectUnchained } from '#metadata/audit-chain.ts'
import { type ChainOptions, laterOf, linkHash } from './audit-chain.ts'
import { explanationOf } from './audit-expiry-entry.ts'
import { readHead, readMarks } from './audit-notes.ts'

const readAtOnce = 5_000
const findingsMax = 1_000
/** Marks are made once a day, and servers of one database note what may go each by itself. */
const slackMs = 86_400_000

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
  /** The last place whose entry was deleted for its age; undefined: none was. */
  readonly expiredThrough: string | undefined
  readonly findings: readonly AuditFinding[]
}

/** Reads the whole chain again and compares it with the entries and with what the home knows of it. */
export async function verifyAudit(options: ChainOptions): Promise<AuditReport> {
  const { db } = options.metadata
  const findings: AuditFinding[] = []
  const find = (finding: AuditFinding) => {
    if (findings.length < findingsMax) findings.push(finding)
  }
  const noted = await readHead(options)
  const start = await startOf(options, find)
  let last: ChainLink | undefined = start
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
    expiredThrough: start && String(start.sequence),
    findings,
  }
}

/**
 * What was before the chain's first link, where entries were deleted for their age. The chain itself tells it, and the
 * home knows whether it may be true: nothing younger than the retention went, judged by how long the chain was on which
 * day. Undefined: the chain must begin at its first place.
 */
async function startOf(
  options: ChainOptions,
  find: (finding: AuditFinding) => void,
): Promise<ChainLink | undefined> {
  const { metadata, clock, retentionMs } = options
  const [first] = await selectChain(metadata.db, { after: 0n, limit: 1 })
  if (!first || first.sequence === 1n) return undefined
  const sequence = first.sequence - 1n
  const explanation = await explanationOf(metadata.db, sequence)
  if (!explanation) return undefined
  const { hash, before } = explanation
  const notes = await readMarks(options)
  const keptSince = laterOf(notes?.keptSince, new Date(clock.now().getTime() - retentionMs))
  const limit = before.getTime() + slackMs
  const mark = notes?.marks.find(({ at, sequence: then }) => at.getTime() > limit && then < sequence)
  const place = { kind: 'removed', sequence: String(sequence), entryId: undefined } as const
  if (before.getTime() > keptSince.getTime() + slackMs) {
    find({
      ...place,
      message: `All up to place ${sequence} was removed as older than ${before.toISOString()}; this server keeps what is younger than ${keptSince.toISOString()}.`,
    })
  } else if (mark) {
    find({
      ...place,
      message: `All up to place ${sequence} was removed as older than ${before.toISOString()}; at ${mark.at.toISOString()} the chain had ${mark.sequence}.`,
    })
  }
  return { sequence, hash }
}
