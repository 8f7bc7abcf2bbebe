import { type FileHandle, open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { type BatchId, isId, newBatchId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import { makeFolderDurably, syncFolder } from '#objects/durable-files.ts'
import { namesIn } from '#objects/names-in.ts'
import { frameOf, readSegment, type Segment, segmentHead } from './segment.ts'

/**
 * What was accepted and is not in a batch yet: segments of one folder, of which one process alone writes. Who comes while
 * a group is being written and synced waits for the next group: one `fdatasync` answers many.
 */
export interface AcceptLog extends AsyncDisposable {
  /**
   * Resolves when the payload is on the disk. @throws AppError 'limit.exceeded', 'stream.unavailable', 'server.stopping';
   * nothing of it comes back then
   */
  append(payload: Buffer): Promise<void>
  /** The oldest segment that is full or old enough, as soon as there is one. The same until it is removed. */
  next(signal: AbortSignal): Promise<Segment>
  remove(segment: Segment): Promise<void>
  readonly bytes: number
  readonly segments: number
}

export interface AcceptLogOptions {
  readonly folder: string
  /** A segment is sealed when it has so many bytes, */
  readonly segmentBytes: number
  /** or is so old. */
  readonly segmentMs: number
  /** Of all segments together; beyond it nothing is accepted. */
  readonly bytesMax: number
  readonly logger: Logger
}

const ending = '.log'
const groupBytesMax = 8 * 1024 * 1024

interface Waiting {
  readonly frame: Buffer
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** The one that is written. */
interface Open {
  readonly id: BatchId
  readonly path: string
  readonly file: FileHandle
  readonly sealTimer: NodeJS.Timeout
  bytes: number
}

/** @throws AppError 'home.unusable' */
export async function openAcceptLog(options: AcceptLogOptions): Promise<AcceptLog> {
  const { folder, segmentBytes, segmentMs, bytesMax, logger } = options
  await makeFolderDurably(folder)
  const sealed = await leftSegments(folder)
  let total = sealed.reduce((sum, segment) => sum + segment.bytes, 0)
  let waiting: Waiting[] = []
  let open: Open | undefined
  let isSealDue = false
  let isClosed = false
  let writing: Promise<void> | undefined
  let sealedOne = Promise.withResolvers<void>()

  async function seal(): Promise<void> {
    isSealDue = false
    if (!open) return
    const { id, path, bytes, file, sealTimer } = open
    open = undefined
    clearTimeout(sealTimer)
    await file.close().catch((error: unknown) => {
      // All that counts of it is synced.
      logger.log('warn', 'stream.log.close_failed', { path, error })
    })
    sealed.push({ id, path, bytes })
    sealedOne.resolve()
    sealedOne = Promise.withResolvers()
  }

  async function opened(): Promise<Open> {
    if (open) return open
    const id = newBatchId()
    const path = join(folder, `${id}${ending}`)
    const file = await openFile(path)
    const sealTimer = setTimeout(() => {
      isSealDue = true
      work()
    }, segmentMs)
    sealTimer.unref()
    total += segmentHead().byteLength
    open = { id, path, file, sealTimer, bytes: segmentHead().byteLength }
    return open
  }

  /** All of the group is durable, or nothing of it is there. */
  async function commit(group: readonly Waiting[]): Promise<void> {
    const segment = await opened()
    const frames = group.map(({ frame }) => frame)
    const bytes = frames.reduce((sum, frame) => sum + frame.byteLength, 0)
    try {
      const { bytesWritten } = await segment.file.writev(frames, segment.bytes)
      if (bytesWritten !== bytes) throw new Error(`${bytesWritten} of ${bytes} bytes were written.`)
      await segment.file.datasync()
    } catch (error) {
      // What was refused must not come back after a crash. Should this fail too, the bytes known to be there are kept in mind.
      await segment.file.truncate(segment.bytes).catch((cause: unknown) => {
        logger.log('warn', 'stream.log.truncate_failed', { path: segment.path, error: cause })
      })
      isSealDue = true
      throw error
    }
    segment.bytes += bytes
    if (segment.bytes >= segmentBytes) isSealDue = true
  }

  async function loop(): Promise<void> {
    while (waiting.length > 0 || isSealDue) {
      if (isSealDue) await seal()
      const group = takeGroup(waiting)
      waiting = waiting.slice(group.length)
      if (group.length === 0) continue
      try {
        await commit(group)
        await faultPoint('stream.accepted')
        for (const { resolve } of group) resolve()
      } catch (error) {
        total -= group.reduce((sum, { frame }) => sum + frame.byteLength, 0)
        logger.log('error', 'stream.log.write_failed', { error })
        for (const { reject } of group) reject(unavailable(error))
      }
    }
  }

  function work(): void {
    writing ??= loop().finally(() => (writing = undefined))
  }

  return {
    append: async (payload) => {
      if (isClosed) throw new AppError('server.stopping', 'The server is stopping.')
      const frame = frameOf(payload)
      if (total + frame.byteLength > bytesMax) throw full(bytesMax)
      total += frame.byteLength
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      waiting.push({ frame, resolve, reject })
      work()
      await promise
    },
    next: async (signal) => {
      for (;;) {
        signal.throwIfAborted()
        const [first] = sealed
        if (first) return first
        await untilAborted(sealedOne.promise, signal)
      }
    },
    remove: async (segment) => {
      await rm(segment.path, { force: true })
      await syncFolder(folder)
      sealed.splice(sealed.indexOf(segment), 1)
      total -= segment.bytes
    },
    get bytes() {
      return total
    },
    get segments() {
      return sealed.length + (open ? 1 : 0)
    },
    [Symbol.asyncDispose]: async () => {
      isClosed = true
      await writing
      await seal()
    },
  }
}

/** Those of earlier lives, oldest first. */
async function leftSegments(folder: string): Promise<Segment[]> {
  const segments: Segment[] = []
  for (const name of (await namesIn(folder)).toSorted()) {
    const id = name.slice(0, -ending.length)
    if (!name.endsWith(ending) || !isId('batch', id)) continue
    const path = join(folder, name)
    const segment = { id, path, bytes: (await stat(path)).size }
    // Says whether it can be read at all.
    for await (const _ of readSegment(segment)) break
    segments.push(segment)
  }
  return segments
}

async function openFile(path: string): Promise<FileHandle> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.write(segmentHead(), 0, segmentHead().byteLength, 0)
    await file.sync()
    await syncFolder(join(path, '..'))
    return file
  } catch (error) {
    await file.close()
    await rm(path, { force: true })
    throw error
  }
}

function takeGroup(waiting: readonly Waiting[]): Waiting[] {
  const group: Waiting[] = []
  let bytes = 0
  for (const one of waiting) {
    if (group.length > 0 && bytes + one.frame.byteLength > groupBytesMax) break
    bytes += one.frame.byteLength
    group.push(one)
  }
  return group
}

async function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function full(bytesMax: number): AppError {
  return new AppError('limit.exceeded', `${bytesMax} bytes of messages wait to be loaded.`, {
    hint: 'Send again later; the setting is streaming.logBytes.',
    detail: { retryAfterSeconds: 5 },
  })
}

function unavailable(cause: unknown): AppError {
  if (cause instanceof AppError) return cause
  return new AppError('stream.unavailable', 'Messages cannot be stored now; none of these was.', {
    hint: 'Send them again later. The reason is in the log of the server; a full disk is the usual one.',
    cause,
    detail: { retryAfterSeconds: 5 },
  })
}
