import { sql } from 'kysely'
import { type Clock, systemClock } from '#base/clock.ts'
import type { Logger } from '#base/log.ts'
import type { Metadata } from './metadata.ts'

/** Less than a lease is renewed in. */
const lookEveryMs = 5_000
/** Less is no clock that is wrong; times would only jump about. */
const differenceMsMin = 1_000

/**
 * The time of the database, which is that of all nodes: one whose own clock is wrong would take the leases of the others
 * for expired, and its ticks would come at other moments than theirs. Where the database cannot be asked, what was known
 * of it holds on.
 */
export async function databaseClock({
  metadata,
  logger,
  own = systemClock,
}: {
  readonly metadata: Pick<Metadata, 'db'>
  readonly logger: Logger
  readonly own?: Clock
}): Promise<Clock & Disposable> {
  let aheadMs = 0
  async function look(): Promise<void> {
    const before = own.now().getTime()
    const { rows } = await sql<{ at: Date }>`select clock_timestamp() as at`.execute(metadata.db)
    const after = own.now().getTime()
    const found = (rows[0]?.at.getTime() ?? before) - Math.round((before + after) / 2)
    // How long the question took says how far the answer may be off.
    const offMs = Math.max(differenceMsMin, after - before)
    if (Math.abs(found - aheadMs) < offMs) return
    aheadMs = Math.abs(found) < offMs ? 0 : found
    logger.log('warn', 'clock.differs', { databaseAheadMs: aheadMs })
  }
  await look()
  const stop = new AbortController()
  void (async () => {
    for (;;) {
      await own.sleep(lookEveryMs, stop.signal)
      await look().catch(() => {}) // Whoever needs the database tells that it is away.
    }
  })().catch(() => {}) // Stopped.
  return {
    now: () => new Date(own.now().getTime() + aheadMs),
    sleep: async (spanMs, signal) => await own.sleep(spanMs, signal),
    [Symbol.dispose]: () => stop.abort(),
  }
}
