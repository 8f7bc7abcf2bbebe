import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { faultPoint } from '#base/faults.ts'
import { readChunks } from '#base/read-chunks.ts'
import { hashBytes, readBack } from '#formats/read-back.ts'
import type { RunScope } from './run-scope.ts'
import type { SpooledFile } from './spooled.ts'
import { parallelPartsMax } from './stage.ts'
import { intendPart, readStaged, type SentPart } from './stage-part.ts'

/** Smaller files are staged when they are whole: there would be nothing to gain. */
const aheadBytesMin = 8 * 1024 * 1024
/** Between two looks: the first while much happens, longer and longer up to the second while nothing does. */
const lookEveryMs = { min: 20, max: 250 }
const readBytes = 1024 * 1024
const parquetEnd = Buffer.from('PAR1')

interface Followed extends SentPart {
  readonly path: string
  readonly number: number
}

/** What is sent ahead of the engine's end. */
export interface StagingAhead extends AsyncDisposable {
  /**
   * Files are about to be written into the folder.
   * @param isAppended for certain: what was read of a file stays as it is
   */
  watch(attemptFolder: string, options?: { readonly isAppended?: boolean }): void
  /** None of them counts: what is under way ends, and what it leaves is swept with the attempt. */
  forget(): Promise<void>
  /** What can be taken of the files, by number. */
  finish(files: readonly SpooledFile[]): Promise<ReadonlyMap<number, SentPart>>
}

/**
 * Brings the files of a spool to the store while they are written: they are only ever appended to. Parquet ends with a footer;
 * a text has ended when there is one after it, and the second reader, whom every row of it takes time, reads it meanwhile.
 * What has come to its end is read back at once, while others are still sent.
 * None of it counts by that: a part is taken when all is written and it is said what files there are, the file's bytes are
 * those that were sent, and what the second reader found agrees. What is not so, or fails, is staged as if nothing had been
 * tried; what it leaves is swept with the attempt.
 */
export function stageAhead(scope: RunScope): StagingAhead {
  const { plan } = scope
  // Encryption needs the whole file.
  const isPossible = !plan.encryption && !plan.recordFolders
  let watch: Watch | undefined
  const forget = async (): Promise<void> => {
    await watch?.stop()
    watch = undefined
  }
  return {
    watch: (folder, { isAppended = false } = {}) => {
      if (isPossible) watch = watchFolder(scope, { folder, isAppended })
    },
    forget,
    finish: async (files) => (await watch?.finish(files)) ?? new Map(),
    [Symbol.asyncDispose]: forget,
  }
}

interface Watch {
  stop(): Promise<void>
  readonly finish: StagingAhead['finish']
}

function watchFolder(
  scope: RunScope,
  { folder, isAppended }: { readonly folder: string; readonly isAppended: boolean },
): Watch {
  const bytesMin = scope.aheadBytesMin ?? aheadBytesMin
  const { plan, logger, clock, context, store } = scope
  const stopped = new AbortController()
  const signal = AbortSignal.any([context.signal, stopped.signal])
  const written = new AbortController()
  const waking = AbortSignal.any([signal, written.signal])
  const followed = new Map<string, Promise<Followed | undefined>>()
  const { kind } = plan.format
  let fileCount = 0

  async function follow(path: string, number: number): Promise<Followed | undefined> {
    try {
      const own: RunScope = { ...scope, context: { ...context, signal } }
      const intended = await intendPart(own, { path, folder: plan.folder, number })
      const [staged, read] = await Promise.allSettled([
        store.stage(intended.token, faultedInMiddle(bytesAsWritten(path, number)), { signal }),
        kind === 'parquet' ? undefined : readBack(plan.format, bytesAsWritten(path, number)),
      ])
      if (staged.status === 'rejected') throw staged.reason
      const sent = {
        ...intended,
        staged: staged.value,
        read: read.status === 'fulfilled' ? read.value : undefined,
      }
      return { ...sent, found: await foundOf(own, sent), path, number }
    } catch (error) {
      // Whatever it was, the usual way meets it again, or does not.
      if (!signal.aborted) logger.log('info', 'export.ahead.failed', { runId: context.run.id, error })
      return undefined
    }
  }

  /** What could not be read is read again when it is counted, and fails there. */
  async function foundOf(own: RunScope, sent: SentPart): Promise<SentPart['found']> {
    if (kind !== 'parquet' && sent.read === undefined) return undefined
    return await readStaged(own, sent).catch(() => undefined)
  }

  /** Ends early when all is written. @throws when it is stopped */
  async function pause(spanMs: number): Promise<void> {
    await clock.sleep(spanMs, waking).catch(() => {})
    signal.throwIfAborted()
  }

  async function* bytesAsWritten(path: string, number: number): AsyncGenerator<Uint8Array> {
    await using handle = await open(path)
    const buffer = Buffer.allocUnsafe(readBytes)
    let end = Buffer.alloc(0)
    let position = 0
    for (let pauseMs = lookEveryMs.min; ; pauseMs = longer(pauseMs)) {
      // Texts are written one after the other.
      const isLast = written.signal.aborted || (kind !== 'parquet' && fileCount > number + 1)
      const before = position
      for await (const chunk of readChunks(handle, buffer, { start: position })) {
        position += chunk.length
        end = Buffer.concat([end, chunk.subarray(-parquetEnd.length)]).subarray(-parquetEnd.length)
        yield chunk
      }
      // Bytes that only look like an end are found out when the engine says how many there are.
      const isEnd = kind === 'parquet' && position > bytesMin && end.equals(parquetEnd)
      if (isLast || isEnd) return
      if (position > before) pauseMs = lookEveryMs.min
      await pause(pauseMs)
    }
  }

  /** Files as they appear, in the order of their names, which is that in which they were begun. */
  async function look(): Promise<void> {
    const underWay = new Set<string>()
    for (let pauseMs = lookEveryMs.min; !waking.aborted; pauseMs = longer(pauseMs)) {
      const names = (await readdir(folder)).filter((name) => name.includes(`.${kind}`)).toSorted()
      fileCount = names.length
      for (const [number, name] of names.entries()) {
        if (followed.has(name) || underWay.size >= parallelPartsMax) continue
        if ((await sizeOf(join(folder, name))) < bytesMin) continue
        pauseMs = lookEveryMs.min
        underWay.add(name)
        followed.set(
          name,
          follow(join(folder, name), number).finally(() => underWay.delete(name)),
        )
      }
      await pause(pauseMs)
    }
  }

  const looking = look().catch((error: unknown) => {
    if (!signal.aborted) logger.log('info', 'export.ahead.failed', { runId: context.run.id, error })
  })
  return {
    stop: async () => {
      stopped.abort(new DOMException('It did not come to its end.', 'AbortError'))
      await looking
      await Promise.all(followed.values())
    },
    finish: async (files) => {
      written.abort()
      await looking
      const taken = new Map<number, SentPart>()
      for (const part of await Promise.all(followed.values())) {
        const file = part && files[part.number]
        // Numbers are those of the files that have rows, which were not known when it was begun.
        if (!part || file?.path !== part.path || file.bytes !== part.staged.bytes) continue
        if (isAppended || (await isSame(part))) taken.set(part.number, part)
      }
      return taken
    },
  }
}

async function* faultedInMiddle(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let isFirst = true
  for await (const chunk of bytes) {
    if (isFirst) await faultPoint('export.stage.middle')
    isFirst = false
    yield chunk
  }
}

/** Of a file that is gone again, nothing. */
async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0
}

function longer(pauseMs: number): number {
  return Math.min(pauseMs * 2, lookEveryMs.max)
}

/** Whether the file holds what was sent of it: it is read again, now that nobody writes it any more. */
async function isSame({ path, staged }: Followed): Promise<boolean> {
  await using handle = await open(path)
  const { sha256 } = await hashBytes(readChunks(handle, Buffer.allocUnsafe(readBytes)))
  return sha256 === staged.sha256
}
