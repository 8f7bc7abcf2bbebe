import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { findFirstOrganization } from '#metadata/access.ts'
import {
  awaitSealing,
  type ChainLink,
  deleteExpired,
  type ExpiryDetail,
  expiryEntry,
  selectChain,
} from '#metadata/audit-chain.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { Access, Caller } from './access.ts'
import { type ChainOptions, laterOf, linkHash, sealWaiting } from './audit-chain.ts'
import { explanationOf } from './audit-expiry-entry.ts'
import { noteMarks, readMarks } from './audit-notes.ts'

const removedAtOnce = 20_000
const readAtOnce = 5_000

interface ExpiryOptions extends ChainOptions {
  readonly access: Pick<Access, 'audit'>
  /** Who asks; absent: the server itself. */
  readonly by?: Caller | undefined
}

/**
 * Deletes the entries at the beginning of the chain that are older than the retention. In the transaction that deletes
 * them an entry is written and sealed that says where the chain begins now, so that the chain of what remains can be
 * proved; the home notes beforehand what may go. May be broken off and done again.
 * @returns how many were deleted
 * @throws AppError 'verify.failed' where what would go is not what was sealed: the evidence stays
 */
export async function expireAudit(options: ExpiryOptions): Promise<number> {
  const { metadata, clock, retentionMs } = options
  const before = new Date(clock.now().getTime() - retentionMs)
  let removed = 0
  for (;;) {
    const [first] = await selectChain(metadata.db, { after: 0n, limit: 1 })
    if (first?.at === undefined || first.at >= before) return removed
    await noteKept(options, before)
    await faultPoint('audit.expire.noted')
    const count = await metadata.transaction((tx) => expireStep(options, tx, before))
    await faultPoint('audit.expire.after')
    removed += count
    if (count < removedAtOnce) return removed
  }
}

async function noteKept(options: ExpiryOptions, before: Date): Promise<void> {
  const noted = await readMarks(options)
  const keptSince = laterOf(noted?.keptSince, before)
  if (noted && noted.keptSince >= keptSince) return
  await noteMarks(options, {
    keptSince,
    marks: (noted?.marks ?? []).filter(({ at }) => at >= keptSince),
  })
}

async function expireStep({ access, by }: ExpiryOptions, tx: Transaction, before: Date): Promise<number> {
  await awaitSealing(tx)
  const { last, count } = await expiredPart(tx, before)
  if (!last) return 0
  const detail: ExpiryDetail = {
    through: String(last.sequence),
    hash: last.hash.toString('hex'),
    before: before.toISOString(),
    count,
  }
  const first = await findFirstOrganization(tx)
  await access.audit(
    {
      principalId: by?.principal.id,
      sandboxId: by?.sandbox.id,
      ...(first ? { organizationId: first.id } : {}),
      ...expiryEntry,
      assetId: `entries ${last.sequence - BigInt(count) + 1n} to ${last.sequence}`,
      status: 'Allow',
      detail: { ...detail },
    },
    tx,
  )
  while ((await sealWaiting(tx)).isMore);
  await deleteExpired(tx, { through: last.sequence, before })
  await faultPoint('audit.expire.before')
  return count
}

/** The beginning of the chain whose entries are all older, proved once more while it can be. */
async function expiredPart(
  tx: Transaction,
  before: Date,
): Promise<{ readonly last: ChainLink | undefined; readonly count: number }> {
  const [first] = await selectChain(tx, { after: 0n, limit: 1 })
  if (!first) return { last: undefined, count: 0 }
  let last: ChainLink | undefined
  let hash = first.sequence === 1n ? undefined : (await explanationOf(tx, first.sequence - 1n))?.hash
  if (hash === undefined && first.sequence !== 1n) throw notAsSealed(first.sequence)
  let count = 0
  while (count < removedAtOnce) {
    const page = await selectChain(tx, { after: last?.sequence ?? 0n, limit: readAtOnce })
    for (const link of page) {
      if (link.at && link.at >= before) return { last, count }
      const isNext = link.sequence === first.sequence + BigInt(count)
      if (!isNext || link.text === undefined || !linkHash(hash, link.text).equals(link.hash)) {
        throw notAsSealed(link.sequence)
      }
      last = link
      hash = link.hash
      count += 1
    }
    if (page.length < readAtOnce) break
  }
  return { last, count }
}

function notAsSealed(sequence: bigint): AppError {
  return new AppError(
    'verify.failed',
    `The audit is not what was sealed at place ${sequence}: nothing of it is deleted for its age.`,
    { hint: 'See: sluice audit verify' },
  )
}
