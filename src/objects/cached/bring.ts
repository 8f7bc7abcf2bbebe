import type { Clock } from '#base/clock.ts'
import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import type { Logger } from '#base/log.ts'
import { codeOf } from '#base/system-error.ts'
import type { ObjectStore } from '../object-store.ts'
import type { Entry } from './entry.ts'
import type { CacheFolder } from './folder.ts'
import { Slots } from './slots.ts'

const atOnce = 4
/** Of one object whose bytes arrive damaged; each is as many tries as the store makes by itself. */
const triesMax = 3
const touchEveryMs = 60_000

/**
 * Has an entry's file there and right: as it was last seen, or with the checksum of what was fetched, or fetched anew.
 * Small files are looked at in no time; reading and fetching happens to a few at a time.
 */
export function bringer(options: {
  readonly store: Pick<ObjectStore, 'read'>
  readonly folder: CacheFolder
  readonly logger: Logger
  readonly clock: Clock
  /** Removes something else, about so many bytes; false when there is nothing to remove. */
  readonly freeSome: (bytes: number) => Promise<boolean>
}): (entry: Entry, signal: AbortSignal) => Promise<void> {
  const { store, folder, logger, clock, freeSome } = options
  const slots = new Slots(atOnce)

  async function isAsSeen(entry: Entry): Promise<boolean> {
    if (!entry.isPresent || entry.seen === undefined) return false
    if ((await folder.fingerprint(entry.key)) !== entry.seen) return false
    if (clock.now().getTime() - entry.touchedAt >= touchEveryMs) await remember(entry)
    return true
  }

  async function checkOrFetch(entry: Entry, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (entry.isPresent && (await folder.isRight(entry.key))) return await remember(entry)
    if (entry.isPresent) {
      logger.log('warn', 'cache.file.damaged', { object: entry.name, bytes: entry.bytes })
      entry.isPresent = false
      entry.seen = undefined
      await folder.remove(entry.key)
    }
    await fetchFile(entry, signal)
    entry.isPresent = true
    await remember(entry)
  }

  async function remember(entry: Entry): Promise<void> {
    const now = clock.now()
    entry.touchedAt = now.getTime()
    await folder.touch(entry.key, now)
    entry.seen = await folder.fingerprint(entry.key)
  }

  async function fetchFile(entry: Entry, signal: AbortSignal): Promise<void> {
    const name = must(entry.name, 'somebody asks for the file')
    for (let tries = 1; ;) {
      try {
        return await folder.write(entry.key, entry.bytes, store.read(name, { signal }))
      } catch (error) {
        signal.throwIfAborted()
        if (isDiskFull(error)) {
          logger.log('warn', 'cache.disk_full', { object: name, bytes: entry.bytes })
          if (!(await freeSome(entry.bytes))) throw full(error)
          continue
        }
        const isDamaged = error instanceof AppError && error.code === 'store.corrupt'
        if (!isDamaged || tries >= triesMax) throw error
        tries += 1
      }
    }
  }

  return async (entry, signal) => {
    if (await isAsSeen(entry)) return
    await slots.run(() => checkOrFetch(entry, signal))
  }
}

function isDiskFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(codeOf(error))
}

function full(cause: unknown): AppError {
  return new AppError('store.full', 'The disk of the folder that keeps copies of the lake is full.', {
    cause,
    hint: 'Free some space there, or set lake.cacheFolder to a larger disk and lake.cacheBytes to what it has.',
  })
}
