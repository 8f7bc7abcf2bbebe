import type { FileEntryWithStats, SFTPWrapper, Stats } from 'ssh2'
import { failureOf, isMissing } from './failure.ts'

/** The library's requests, with promises. */

/** Of one read or write: what every server takes at once, and what OpenSSH's does. */
const chunkBytes = { least: 30 * 1024, most: 255 * 1024 }
/** Asked for ahead by one reading; no more is under way through one channel at a time. */
const readAheadBytes = 2 * 1024 * 1024

/**
 * What the library asked the server, or knows of it by its name; it does not tell. Of eight times as many requests a reading
 * takes a quarter more of our processor time.
 */
export function chunkBytesOf(sftp: SFTPWrapper): number {
  const { _maxReadLen: read, _maxWriteLen: write } = sftp as unknown as Readonly<Record<string, unknown>>
  if (typeof read !== 'number' || typeof write !== 'number') return chunkBytes.least
  return Math.max(chunkBytes.least, Math.min(chunkBytes.most, read, write))
}

type Callback<T> = (error: Error | null | undefined, result: T) => void

async function promised<T = void>(call: (done: Callback<T>) => void): Promise<T> {
  return await new Promise((resolve, reject) => {
    call((error, result) => (error ? reject(error) : resolve(result)))
  })
}

/** Without following a link; undefined when nothing is there. */
export async function lookAt(sftp: SFTPWrapper, path: string): Promise<Stats | undefined> {
  try {
    return await promised<Stats>((done) => sftp.lstat(path, done))
  } catch (error) {
    if (isMissing(failureOf(error))) return undefined
    throw error
  }
}

export async function realPath(sftp: SFTPWrapper, path: string): Promise<string> {
  return await promised<string>((done) => sftp.realpath(path, done))
}

/** Whether it was there. */
export async function unlinkIfThere(sftp: SFTPWrapper, path: string): Promise<boolean> {
  try {
    await promised((done) => sftp.unlink(path, (error) => done(error, undefined)))
    return true
  } catch (error) {
    if (isMissing(failureOf(error))) return false
    throw error
  }
}

export async function rename(sftp: SFTPWrapper, from: string, to: string): Promise<void> {
  await promised((done) => sftp.rename(from, to, (error) => done(error, undefined)))
}

/** Those above it, too. */
export async function makeFolder(sftp: SFTPWrapper, path: string): Promise<void> {
  if ((await lookAt(sftp, path)) || path === '/' || path === '') return
  await makeFolder(sftp, path.slice(0, path.lastIndexOf('/')))
  try {
    await promised((done) => sftp.mkdir(path, (error) => done(error, undefined)))
  } catch (error) {
    if (!(await lookAt(sftp, path))) throw error // Another made it in the same moment.
  }
}

export async function entriesOf(sftp: SFTPWrapper, path: string): Promise<readonly FileEntryWithStats[]> {
  try {
    return await promised<FileEntryWithStats[]>((done) => sftp.readdir(path, done))
  } catch (error) {
    if (isMissing(failureOf(error))) return []
    throw error
  }
}

export async function openFile(sftp: SFTPWrapper, path: string, flags: 'r' | 'w' | 'r+'): Promise<Buffer> {
  return await promised<Buffer>((done) => sftp.open(path, flags, done))
}

export async function closeFile(sftp: SFTPWrapper, handle: Buffer): Promise<void> {
  await promised((done) => sftp.close(handle, (error) => done(error, undefined)))
}

/** Whether the server can be told to put a file on its disk; where it cannot, nothing happens. */
export async function syncFile(sftp: SFTPWrapper, handle: Buffer): Promise<void> {
  try {
    await promised((done) => sftp.ext_openssh_fsync(handle, (error) => done(error, undefined)))
  } catch (error) {
    // The library throws where the server does not offer it.
    if (failureOf(error) && failureOf(error)?.code !== 'unsupported') throw error
  }
}

/** All pieces are under way at once: the bytes are in memory anyway. */
export async function writeAt(
  sftp: SFTPWrapper,
  handle: Buffer,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const most = chunkBytesOf(sftp)
  const starts = Array.from({ length: Math.ceil(buffer.length / most) }, (_, index) => index * most)
  await Promise.all(
    starts.map((start) => {
      const length = Math.min(most, buffer.length - start)
      return promised((done) =>
        sftp.write(handle, buffer, start, length, position + start, (error) => done(error, undefined)),
      )
    }),
  )
}

/** The file's bytes in order, some requests ahead; fewer than asked for only at the file's end. */
export async function* readFrom(
  sftp: SFTPWrapper,
  handle: Buffer,
  { start, end }: { readonly start: number; readonly end: number },
): AsyncGenerator<Uint8Array> {
  const ahead: Promise<Buffer>[] = []
  const most = chunkBytesOf(sftp)
  let next = start
  for (;;) {
    while (ahead.length * most < readAheadBytes && next < end) {
      const piece = readPiece(sftp, handle, next, Math.min(most, end - next))
      piece.catch(() => {}) // Met in its turn, if the reading goes so far.
      ahead.push(piece)
      next += most
    }
    const piece = await ahead.shift()
    if (piece === undefined || piece.length === 0) return
    yield piece
  }
}

async function readPiece(
  sftp: SFTPWrapper,
  handle: Buffer,
  position: number,
  length: number,
): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length)
  let filled = 0
  while (filled < length) {
    const count = await readOnce(sftp, handle, buffer, { filled, position: position + filled })
    if (count === 0) break
    filled += count
  }
  return buffer.subarray(0, filled)
}

async function readOnce(
  sftp: SFTPWrapper,
  handle: Buffer,
  buffer: Buffer,
  { filled, position }: { readonly filled: number; readonly position: number },
): Promise<number> {
  const endOfFile = 1
  return await new Promise((resolve, reject) => {
    sftp.read(handle, buffer, filled, buffer.length - filled, position, (error, count) => {
      if ((error as { readonly code?: unknown } | undefined)?.code === endOfFile) resolve(0)
      else if (error) reject(error)
      else resolve(count)
    })
  })
}
