import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { createGunzip } from 'node:zlib'
import { CliError, exitCodes } from './exit-code.ts'

export type FileFormat = 'parquet' | 'json' | 'csv'

export interface SourceFile {
  readonly path: string
  /** As the server is told. */
  readonly fileName: string
  readonly format: FileFormat
  readonly bytes: number
}

const extensions: Readonly<Record<string, FileFormat>> = {
  parquet: 'parquet',
  json: 'json',
  jsonl: 'json',
  ndjson: 'json',
  csv: 'csv',
}

/** Checks that the file is there and guesses its format by extension, then by how it begins. */
export async function sourceFile(path: string, given: FileFormat | undefined): Promise<SourceFile> {
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new CliError(
      exitCodes.unknown,
      error.code === 'ENOENT'
        ? `There is no file ${path}.`
        : `The file ${path} cannot be read (${error.code}).`,
    )
  })
  if (!stats.isFile()) throw new CliError(exitCodes.usage, `${path} is not a file.`)
  const fileName = basename(path)
  const extension = fileName.toLowerCase().replace(/\.gz$/, '').split('.').at(-1) ?? ''
  const format = given ?? extensions[extension] ?? (await formatByContent(path))
  if (!format) {
    throw new CliError(
      exitCodes.usage,
      `What ${path} holds could not be guessed.`,
      'Say it with --format parquet, --format json (an object a line) or --format csv.',
    )
  }
  return { path, fileName, format, bytes: stats.size }
}

const headBytes = 4_096

async function formatByContent(path: string): Promise<FileFormat | undefined> {
  const head = Buffer.alloc(headBytes)
  await using file = await open(path, 'r')
  const { bytesRead } = await file.read(head, 0, headBytes, 0)
  const text = head.subarray(0, bytesRead).toString('latin1')
  if (text.startsWith('PAR1')) return 'parquet'
  if (/^(?:\xEF\xBB\xBF)?\s*[{[]/.test(text)) return 'json'
  const [first = ''] = text.split(/\r?\n/)
  return first.includes(',') && !text.includes('\0') ? 'csv' : undefined
}

export function bytesOf(file: SourceFile, onBytes?: (count: number) => void): AsyncIterable<Uint8Array> {
  const stream = createReadStream(file.path, { highWaterMark: 256 * 1024 })
  if (onBytes) stream.on('data', (chunk) => onBytes(chunk.length))
  return stream
}

/** Enough rows of a text to tell the types of its columns. */
const sampleBytesMax = 16 * 1024 * 1024

/** What the server needs to see to tell the columns: a whole Parquet file, the first lines of a text. */
export function sampleOf(file: SourceFile): {
  readonly fileName: string
  readonly bytes: AsyncIterable<Uint8Array>
} {
  if (file.format === 'parquet') return { fileName: file.fileName, bytes: bytesOf(file) }
  const isPacked = file.fileName.toLowerCase().endsWith('.gz')
  const raw = createReadStream(file.path)
  const plain = isPacked ? raw.pipe(createGunzip()) : raw
  return { fileName: file.fileName.replace(/\.gz$/i, ''), bytes: firstLines(plain, sampleBytesMax) }
}

/** The bytes up to a limit, cut after a line. */
export async function* firstLines(
  bytes: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<Uint8Array> {
  let count = 0
  for await (const chunk of bytes) {
    if (count + chunk.byteLength <= bytesMax) {
      count += chunk.byteLength
      yield chunk
      continue
    }
    const end = chunk.indexOf(0x0a, Math.max(0, bytesMax - count - 1))
    if (end === -1) {
      // A line that runs beyond the limit: it is given whole.
      yield chunk
      count += chunk.byteLength
      continue
    }
    yield chunk.subarray(0, end + 1)
    return
  }
}
