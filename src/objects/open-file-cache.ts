import { type Clock, systemClock } from '#base/clock.ts'
import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import type { Logger } from '#base/log.ts'
import type { CachedObject, FileCache, FileLease } from './file-cache.ts'
import type { ObjectStore } from './object-store.ts'
import { Admission } from './cached/admission.ts'
import { bringer } from './cached/bring.ts'
import { bytesOf, type Entry, heldBytes, keptBytes, newEntry, victims, type Work } from './cached/entry.ts'
import { type FileSystem, openCacheFolder } from './cached/folder.ts'

export interface FileCacheOptions {
  readonly store: Pick<ObjectStore, 'location' | 'read'>
  /** Absolute path; made when missing. Of one process at a time. */
  readonly folder: string
  readonly bytesMax: number
  readonly logger: Logger
  readonly clock?: Clock
  readonly fileSystem?: FileSystem
}

/**
 * Room is given before the first byte: a lease is let in when what is held leaves enough, then the least recently used
 * files are removed, then the missing ones are fetched, each once however many wait for it. So the folder is never
 * larger than its bound, whatever is under way.
 */
export async function openFileCache(options: FileCacheOptions): Promise<FileCache> {
  const { store, bytesMax, logger, clock = systemClock } = options
  const folder = await openCacheFolder(options.folder, store.location, options.fileSystem)
  /** In the order of last use. */
  const entries = new Map<string, Entry>()
  const admission = new Admission<CachedObject>(entries, bytesMax)
  const bring = bringer({ store, folder, logger, clock, freeSome })

  /** Does something to the file, and makes known when it is done. */
  async function begin(entry: Entry, kind: Work['kind'], act: (signal: AbortSignal) => Promise<void>) {
    const controller = new AbortController()
    const working = async (): Promise<void> => {
      try {
        await act(controller.signal)
      } finally {
        entry.work = undefined
        forgetIfGone(entry)
        admission.letIn()
      }
    }
    const done = Promise.resolve().then(working)
    entry.work = { kind, done, controller }
    await done
  }

  function forgetIfGone(entry: Entry): void {
    if (!entry.isPresent && entry.leases === 0 && !entry.work) entries.delete(entry.key)
  }

  function use(entry: Entry): void {
    entries.delete(entry.key)
    entries.set(entry.key, entry)
  }

  /** Removes what has not been used for longest, until `bytesLeft` are kept; also what others are removing is gone. */
  async function makeRoom(bytesLeft: number): Promise<void> {
    for (const entry of victims(Array.from(entries.values()), bytesLeft)) {
      const removing = begin(entry, 'removing', async () => {
        entry.isPresent = false
        entry.seen = undefined
        await folder.remove(entry.key)
      })
      removing.catch(() => {}) // Met below.
    }
    const leaving = Array.from(entries.values()).filter(({ work }) => work?.kind === 'removing')
    await Promise.all(leaving.map(async ({ work }) => await work?.done))
  }

  /** Others than we fill the disk, so the bound is above what there is: some room, or none. */
  async function freeSome(bytes: number): Promise<boolean> {
    const kept = keptBytes(entries.values())
    const chosen = victims(Array.from(entries.values()), Math.max(0, kept - bytes))
    if (chosen.length === 0) return false
    await makeRoom(kept - bytesOf(chosen))
    return true
  }

  /** Has the file there and right. */
  async function ensure(entry: Entry, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      if (!entry.work) begin(entry, 'bringing', (stop) => bring(entry, stop)).catch(() => {}) // Met below.
      const work: Work = must(entry.work, 'work that has begun is under way')
      try {
        await settledOrAborted(work.done, signal)
        if (work.kind === 'bringing') return
      } catch (error) {
        signal.throwIfAborted()
        // Those for whom it was begun have all gone; we have not.
        if (!work.controller.signal.aborted) throw error
      }
    }
  }

  function take(wanted: ReadonlyMap<string, CachedObject>): readonly Entry[] {
    return Array.from(wanted, ([key, { name, bytes }]) => {
      const entry =
        entries.get(key) ?? newEntry({ key, path: folder.path(key), bytes }, { name, isPresent: false })
      entry.name = name
      entry.leases += 1
      use(entry)
      return entry
    })
  }

  function release(held: readonly Entry[]): void {
    for (const entry of held) {
      entry.leases -= 1
      use(entry)
      if (entry.leases > 0) continue
      if (entry.work?.kind === 'bringing' && !entry.isPresent) entry.work.controller.abort()
      forgetIfGone(entry)
    }
    admission.letIn()
  }

  async function lease(objects: readonly CachedObject[], signal: AbortSignal): Promise<FileLease> {
    const wanted = new Map(objects.map((object) => [folder.keyOf(object), object]))
    const bytes = bytesOf(wanted.values())
    if (bytes > bytesMax) throw tooLarge(bytes, bytesMax)
    let held: readonly Entry[] = []
    await admission.enter(wanted, () => (held = take(wanted)), signal)
    try {
      await makeRoom(bytesMax)
      await Promise.all(held.map((entry) => ensure(entry, signal)))
    } catch (error) {
      release(held)
      throw error
    }
    let isOpen = true
    return {
      paths: objects.map((object) => folder.path(folder.keyOf(object))),
      [Symbol.dispose]: () => {
        if (isOpen) release(held)
        isOpen = false
      },
    }
  }

  for (const { key, bytes } of await folder.scan()) {
    entries.set(key, newEntry({ key, path: folder.path(key), bytes }, { isPresent: true }))
  }
  await makeRoom(bytesMax)

  return {
    pathOf: (object) => folder.path(folder.keyOf(object)),
    lease: async (objects, { signal }) => await lease(objects, signal),
    usage: () => ({
      bytes: bytesOf(entries.values()),
      heldBytes: heldBytes(entries.values()),
      fileCount: entries.size,
      waitingCount: admission.waitingCount,
    }),
    [Symbol.asyncDispose]: async () => {
      const works = Array.from(entries.values()).flatMap(({ work }) => work ?? [])
      for (const { kind, controller } of works) if (kind === 'bringing') controller.abort()
      await Promise.allSettled(works.map(({ done }) => done))
    },
  }
}

async function settledOrAborted(done: Promise<void>, signal: AbortSignal): Promise<void> {
  const settled = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), {
      once: true,
      signal: settled.signal,
    })
  })
  try {
    await Promise.race([done, aborted])
  } finally {
    settled.abort()
  }
}

function tooLarge(bytes: number, bytesMax: number): AppError {
  return new AppError(
    'query.scan_too_large',
    `The statement reads ${bytes} bytes of files, more than the ${bytesMax} bytes that are kept on this machine.`,
    { hint: 'Read less, by a range of time or fewer tables, or raise lake.cacheBytes.' },
  )
}
