import type { FileHandle } from 'node:fs/promises'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { type BatchId, newBatchId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import { untilAborted } from '#base/until-aborted.ts'
import { makeFolderDurably } from '#objects/durable-files.ts'
import { frameBytes, frameOf, type Segment, segmentHead } from './segment.ts'
import { createSegment, leftSegments, removeSegment, renameAside, segmentPath } from './segment-files.ts'

/**
 * What was accepted and is not in a batch yet: segments of one folder, of which one process alone writes. Who comes while
 * a group is being written and synced waits for the next group: one `fdatasync` answers many.
 */
export interface AcceptLog extends AsyncDisposable {
  /**
   * Resolves when all payloads are on the disk. @throws AppError 'limit.exceeded', 'stream.unavailable', 'server.stopping';
   * nothing of any of them comes back then
   */
  append(payloads: readonly Buffer[]): Promise<void>
  /** The oldest segment that is full or old enough, as soon as there is one. The same until one of these is done with it. */
  next(signal: AbortSignal): Promise<Segment>
  /** It is in batches. A file that cannot be removed is taken up again by the next life, which finds the batches there. */
  remove(segment: Segment): Promise<void>
  /** Keeps its file under a name that nobody takes up. */
  setAside(segment: Segment): Promise<void>
  /** Leaves it for the next life. */
  passOver(segment: Segment): void
  /** Of what waits, what was passed over included. */
  readonly bytes: number
  readonly segments: number
  readonly passedOver: number
  /** Files set aside, by earlier lives too. */
  readonly setAsideCount: number
}

export interface AcceptLogOptions {
  readonly folder: string
  /** A segment is sealed when it has so many bytes, */
  readonly segmentBytes: number
  /** or is so old. */
  readonly segmentMs: number
  /** Of all segments together; beyond it nothing is accepted. */
  readonly bytesMax: number
  /** Of what is not on the disk yet, which is in memory; likewise. */
  readonly waitingBytesMax: number
  readonly logger: Logger
}

const groupBytesMax = 8 * 1024 * 1024

interface Waiting {
  readonly pieces: readonly Buffer[]
  readonly bytes: number
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
  const { folder, segmentBytes, segmentMs, bytesMax, waitingBytesMax, logger } = options
  await makeFolderDurably(folder)
  const { segments: sealed, asideCount } = await leftSegments(folder)
  let total = sealed.reduce((sum, segment) => sum + segment.bytes, 0)
  let passedOver = 0
  let setAsideCount = asideCount
  let waiting: Waiting[] = []
  let waitingBytes = 0
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
    sealed.push({ id, path, bytes, isWhole: true })
    sealedOne.resolve()
    sealedOne = Promise.withResolvers()
  }

  async function opened(): Promise<Open> {
    if (open) return open
    const id = newBatchId()
    const path = segmentPath(folder, id)
    const file = await createSegment(path)
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
    const bytes = bytesOf(group)
    try {
      const pieces = group.flatMap((one) => one.pieces)
      const { bytesWritten } = await segment.file.writev(pieces, segment.bytes)
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
      const bytes = bytesOf(group)
      try {
        await commit(group)
        await faultPoint('stream.accepted')
        for (const { resolve } of group) resolve()
      } catch (error) {
        total -= bytes
        logger.log('error', 'stream.log.write_failed', { error })
        for (const { reject } of group) reject(unavailable(error))
      } finally {
        waitingBytes -= bytes
      }
    }
  }

  function work(): void {
    writing ??= loop().finally(() => (writing = undefined))
  }

  function forget(segment: Segment): void {
    const index = sealed.indexOf(segment)
    if (index >= 0) sealed.splice(index, 1)
  }

  return {
    append: async (payloads) => {
      if (isClosed) throw new AppError('server.stopping', 'The server is stopping.')
      if (payloads.length === 0) return
      let bytes = 0
      for (const payload of payloads) bytes += frameBytes(payload)
      if (total + bytes > bytesMax) throw full(bytesMax)
      if (waitingBytes + bytes > waitingBytesMax) throw busy(waitingBytesMax)
      total += bytes
      waitingBytes += bytes
      const pieces: Buffer[] = []
      for (const payload of payloads) pieces.push(...frameOf(payload))
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      waiting.push({ pieces, bytes, resolve, reject })
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
      // First of all: it must not be taken for the oldest again, whatever becomes of its file.
      forget(segment)
      total -= segment.bytes
      try {
        await removeSegment(segment)
      } catch (error) {
        logger.log('warn', 'stream.log.remove_failed', { path: segment.path, error })
      }
    },
    setAside: async (segment) => {
      forget(segment)
      total -= segment.bytes
      setAsideCount += 1
      try {
        logger.log('error', 'stream.log.damaged', { path: await renameAside(segment) })
      } catch (error) {
        logger.log('error', 'stream.log.damaged', { path: segment.path, error })
      }
    },
    passOver: (segment) => {
      forget(segment)
      passedOver += 1
    },
    get bytes() {
      return total
    },
    get segments() {
      return sealed.length + passedOver + (open ? 1 : 0)
    },
    get passedOver() {
      return passedOver
    },
    get setAsideCount() {
      return setAsideCount
    },
    [Symbol.asyncDispose]: async () => {
      isClosed = true
      await writing
      await seal()
    },
  }
}

function bytesOf(group: readonly Waiting[]): number {
  return group.reduce((sum, one) => sum + one.bytes, 0)
}

function takeGroup(waiting: readonly Waiting[]): Waiting[] {
  const group: Waiting[] = []
  let bytes = 0
  for (const one of waiting) {
    if (group.length > 0 && bytes + one.bytes > groupBytesMax) break
    bytes += one.bytes
    group.push(one)
  }
  return group
}

function full(bytesMax: number): AppError {
  return later(`${bytesMax} bytes of messages wait to be loaded`, 'the setting is streaming.logBytes')
}

function busy(bytesMax: number): AppError {
  return later(`${bytesMax} bytes of messages wait for the disk`, 'they come faster than it takes them')
}

function later(what: string, why: string): AppError {
  return new AppError('limit.exceeded', `${what}.`, {
    hint: `Send again later; ${why}.`,
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
