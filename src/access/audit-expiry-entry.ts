import { z } from 'zod'
import { type ExpiryDetail, selectExpiry } from '#metadata/audit-chain.ts'
import type { Db } from '#metadata/metadata.ts'

const detailSchema = z.object({
  through: z.string(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  before: z.iso.datetime(),
  count: z.number(),
}) satisfies z.ZodType<ExpiryDetail>

/** Why a chain begins after that place: the hash there, and the moment that all of it was older than. */
export async function explanationOf(
  db: Db,
  through: bigint,
): Promise<{ readonly hash: Buffer; readonly before: Date } | undefined> {
  const { success, data } = detailSchema.safeParse(await selectExpiry(db, through))
  return success ? { hash: Buffer.from(data.hash, 'hex'), before: new Date(data.before) } : undefined
}
