import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { Unreadable } from './records.ts'
import { storeDurably } from './staging.ts'

/** A stored file, by the name its sender gave it. */
export interface SourceFile {
  readonly path: string
  readonly fileName: string
  readonly looked?: Looked | undefined
}

/** What was seen of a text when it came. */
export interface Looked {
  /** Tells which form its records were compared with. */
  readonly form: string
  readonly bytes: number
  /** When it was stored: whoever changed it since has changed that, too. */
  readonly modifiedAtMs: number
  /** Of its records, if each was plain. */
  readonly count: number | undefined
}

/** Small enough that what is done with a piece never holds the server up. */
const pieceBytes = 256 * 1024
/** What one packed file may hold; a file of zeros packs a thousandfold. */
const unpackedBytesMax = 256 * 1024 ** 3

/** By how it begins; a name that ends in `.gz` says nothing about what lies in it. */
export async function isPacked(path: string): Promise<boolean> {
  await using file = await open(path, 'r')
  const head = Buffer.alloc(2)
  const { bytesRead } = await file.read(head, 0, 2, 0)
  return bytesRead === 2 && head[0] === 0x1f && head[1] === 0x8b
}

/**
 * Gives the bytes of a file, unpacked, to whoever takes them.
 * @throws Unreadable
 */
export async function readPlain(
  path: string,
  signal: AbortSignal,
  take: (pieces: AsyncIterable<Buffer>) => Promise<void>,
): Promise<void> {
  const raw = createReadStream(path, { highWaterMark: pieceBytes })
  if (!(await isPacked(path))) {
    await pipeline(raw, take, { signal })
    return
  }
  try {
    await pipeline(raw, createGunzip({ chunkSize: pieceBytes }), limited, take, { signal })
  } catch (error) {
    if (isUnpackingError(error)) throw new Unreadable('is not a whole gzip file')
    throw error
  }
}

/** A file that is packed is unpacked beside, for readers that need it whole. @throws Unreadable */
export async function plainFile(
  file: SourceFile,
  { workFolder, signal }: { readonly workFolder: string; readonly signal: AbortSignal },
): Promise<SourceFile> {
  if (!(await isPacked(file.path))) return file
  const path = join(workFolder, `plain-${basename(file.path)}`)
  await readPlain(file.path, signal, async (pieces) => {
    await storeDurably({ folder: workFolder, path }, pieces, signal)
  })
  return { ...file, path }
}

async function* limited(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let count = 0
  for await (const piece of pieces) {
    count += piece.length
    if (count > unpackedBytesMax) throw new Unreadable(`holds more than ${unpackedBytesMax} bytes unpacked`)
    yield piece
  }
}

function isUnpackingError(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('Z_')
  )
}

/**
 * UTF-8 bytes as text, a byte order mark left out; pieces are cut between characters. A byte that is no part of a
 * character comes as half of one, U+DC80 to U+DCFF, which no UTF-8 holds: what has one is not well-formed.
 * @throws Unreadable
 */
export async function* utf8Text(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0)
  let isFirst = true
  for await (const piece of pieces) {
    const bytes =
      rest.length > 0
        ? Buffer.concat([rest, piece])
        : Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    if (isFirst) checkKind(bytes)
    const end = characterEnd(bytes)
    const text = textOf(bytes.subarray(0, end))
    yield isFirst && text.startsWith('\uFEFF') ? text.slice(1) : text
    if (text !== '') isFirst = false
    rest = Buffer.from(bytes.subarray(end)) // A copy: the giver may use its buffer again.
  }
  if (rest.length > 0) yield textOf(rest)
}

/** What bytes that text does not begin with are the beginning of, in hexadecimal. */
const otherKinds = [
  ['fffe', 'is UTF-16: it should be UTF-8'],
  ['feff', 'is UTF-16: it should be UTF-8'],
  ['28b52ffd', 'is packed with zstd: it should be packed with gzip, or not at all'],
  ['fd377a585a00', 'is packed with xz: it should be packed with gzip, or not at all'],
  ['504b0304', 'is packed with zip: it should be packed with gzip, or not at all'],
  ['1f8b', 'is packed twice'],
] as const

function checkKind(bytes: Buffer): void {
  const found = otherKinds.find(([start]) => bytes.toString('hex', 0, start.length / 2) === start)
  if (found) throw new Unreadable(found[1])
}

function textOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8')
  const parts: string[] = []
  for (let at = 0; at < bytes.length;) {
    const end = goodEnd(bytes, at)
    parts.push(bytes.toString('utf8', at, end))
    if (end < bytes.length) parts.push(String.fromCharCode(0xdc00 + (bytes[end] ?? 0)))
    at = end + 1
  }
  return parts.join('')
}

/** Up to where bytes are UTF-8. */
function goodEnd(bytes: Buffer, from: number): number {
  let at = from
  while (at < bytes.length) {
    const byte = bytes[at] ?? 0
    const length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
    if (byte >= 0x80 && !isUtf8(bytes.subarray(at, at + length))) return at
    at += length
  }
  return at
}

/** Where the last whole character ends. */
function characterEnd(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0
    if ((byte & 0xc0) === 0x80) continue
    const length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
    return length > back ? bytes.length - back : bytes.length
  }
  return bytes.length
}
