import { mkdir, open, readdir, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { lendFolder } from '#base/engine-folder.ts'
import { readChunks } from '#base/read-chunks.ts'
import { must } from '#base/assert.ts'
import type { CopiedFile, Engine } from '#engine/engine.ts'
import {
  joinedFooter,
  type MovedGroup,
  movableGroups,
  type ParquetCodec,
  parquetFooter,
  type ParquetFooter,
  parquetMagic,
} from '#formats/parquet-join.ts'
import { readFooter } from '#formats/parquet.ts'
import type { ThriftStruct } from '#formats/thrift.ts'
import { readJoined } from './joined-files.ts'
import type { RunScope } from './run-scope.ts'
import type { ExportScan } from '../plan/scan.ts'

/** Smaller groups are worth the writing of larger ones; fewer rows are written as soon as they are joined. */
const rowCountMin = { ofAll: 100_000, ofGroup: 10_000 }
/**
 * Chunks are row groups times leaves; each takes some 50 bytes of a footer and 2 kB of memory while it is moved. Of all
 * files together only their groups' sizes are kept, until the last file is written.
 */
const chunksMax = { ofAll: 500_000, ofFile: 10_000 }
const sourceFooterBytesMax = 4 * 1024 * 1024
const copyBytes = 1024 * 1024
/** What a footer says of a chunk, at most but for long least and greatest values. */
const footerBytesOfChunk = 200

/** A row group of a data file. */
interface Part extends Pick<MovedGroup, 'rowCount' | 'bytes' | 'leafCount'> {
  readonly path: string
  /** In its file. */
  readonly index: number
}

/**
 * The rows of whole data files as files of a delivery without the engine writing them anew: row groups are taken over as
 * they are, if all are what the engine would write by form and compression. Afterwards the engine reads all of them once:
 * what cannot be decoded is not delivered. What goes wrong is nothing to fail for: the engine writes the rows then.
 * @param folder empty, the engine's
 * @returns undefined where it cannot be, with nothing left in the folder
 */
export async function joinGroups(
  scope: RunScope,
  { scan, folder }: { readonly scan: ExportScan; readonly folder: string },
): Promise<readonly CopiedFile[] | undefined> {
  const { context, logger } = scope
  try {
    return await joined(scope, { scan, folder })
  } catch (error) {
    context.signal.throwIfAborted()
    // Whatever it was, the engine meets it again and says so better, or does not.
    logger.log('info', 'export.join.failed', { runId: context.run.id, error })
    for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true })
    return undefined
  }
}

async function joined(
  scope: RunScope,
  { scan, folder }: { readonly scan: ExportScan; readonly folder: string },
): Promise<readonly CopiedFile[] | undefined> {
  const { engine, plan, context, progress } = scope
  const { signal } = context
  const paths = pathsOf(scope, scan)
  if (!paths || plan.format.kind !== 'parquet') return undefined
  const wanted = await wantedFooter(engine, { scan, paths, folder, signal })
  const form = { wanted, codec: plan.format.compression }
  const parts = await partsOf(paths, { form, rowCount: scan.rowCount, signal })
  const files = parts && filesOf(parts, plan.fileBytesMax)
  if (!files) return undefined
  let rowCount = 0
  const onGroup = (groupRows: number): void => {
    rowCount += groupRows
    // Only for people: a lost lease is noticed by the next step.
    progress.update({ rowCount }).catch(() => {})
  }
  const read: Promise<CopiedFile>[] = []
  try {
    for (const [index, own] of files.entries()) {
      const path = join(folder, `${String(index).padStart(6, '0')}.parquet`)
      await writeJoined(path, own, { form, onGroup, signal })
      // The engine reads one while the next is written.
      await read.at(-1)
      const { columns } = scan.parts
      const reading = readJoined(engine, { path, rowCount: rowsOf(own), columns, signal })
      reading.catch(() => {}) // Whoever waits for it next meets the error.
      read.push(reading)
    }
  } finally {
    await Promise.allSettled(read)
  }
  return await Promise.all(read)
}

/** Of the files whose rows are all delivered, in the order of the scan. */
function pathsOf({ plan }: RunScope, scan: ExportScan): readonly string[] | undefined {
  const { groups } = scan.parts
  const isWhole = !scan.isFiltered && groups.every(({ ingestedAfterMs }) => ingestedAfterMs === undefined)
  if (!isWhole || plan.recordFolders) return undefined
  const paths = groups.flatMap((group) => group.paths)
  const isWorthIt = scan.rowCount >= rowCountMin.ofAll && scan.rowCount >= rowCountMin.ofGroup * paths.length
  return isWorthIt ? paths : undefined
}

/** Of a file that the engine writes of no rows, with the ids that fields have in the lake. */
async function wantedFooter(
  engine: Engine,
  {
    scan,
    paths,
    folder,
    signal,
  }: {
    readonly scan: ExportScan
    readonly paths: readonly string[]
    readonly folder: string
    readonly signal: AbortSignal
  },
): Promise<ParquetFooter> {
  const { columns, fieldIds } = scan.parts
  const own = join(folder, 'form')
  await mkdir(own)
  try {
    await lendFolder(own)
    const ids = Object.fromEntries(
      columns.map(({ name }) => [name, must(fieldIds[name], `${name} has an id`)]),
    )
    await engine.copy(
      { sql: `SELECT * FROM ${scan.sql} AS form WHERE false`, files: paths, pool: 'batch' },
      { folder: own, format: { kind: 'parquet', compression: 'none', fieldIds: ids }, signal },
    )
    const [name] = await readdir(own)
    await using handle = await open(join(own, must(name, 'the engine writes a file of no rows')))
    return await footerOf(handle)
  } finally {
    await rm(own, { recursive: true, force: true })
  }
}

/** @throws Error for one that is no Parquet file, or has too large a footer */
async function footerOf(handle: FileHandle): Promise<ParquetFooter> {
  const { size } = await handle.stat()
  const read = async (start: number, end: number) => {
    if (end - start > sourceFooterBytesMax) throw new RangeError('A footer is too large to be taken over.')
    const bytes = new Uint8Array(end - start)
    await handle.read(bytes, 0, bytes.length, start)
    return bytes
  }
  return parquetFooter(await readFooter({ bytes: size, read }))
}

interface Form {
  readonly wanted: ParquetFooter
  readonly codec: ParquetCodec
}

/** All groups, or undefined where one cannot be taken over, they are too small, or have not the rows on record. */
async function partsOf(
  paths: readonly string[],
  {
    form,
    rowCount,
    signal,
  }: { readonly form: Form; readonly rowCount: number; readonly signal: AbortSignal },
): Promise<readonly Part[] | undefined> {
  const parts: Part[] = []
  let chunkCount = 0
  for (const path of paths) {
    signal.throwIfAborted()
    await using handle = await open(path)
    const groups = movableGroups(await footerOf(handle), form.wanted, form.codec)
    if (!groups) return undefined
    for (const [index, group] of groups.entries()) {
      const { bytes, leafCount } = group
      parts.push({ path, index, rowCount: group.rowCount, bytes, leafCount })
      chunkCount += leafCount
    }
    if (chunkCount > chunksMax.ofAll || rowCount < rowCountMin.ofGroup * parts.length) return undefined
  }
  return rowsOf(parts) === rowCount ? parts : undefined
}

function rowsOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { rowCount }) => sum + rowCount, 0)
}

/**
 * Each at most so large, and with a footer that is read in little time; undefined where one group alone is larger. They are as
 * even as can be, and two where one could be more than half full: two are sent, and read back, at the same time.
 */
function filesOf(parts: readonly Part[], fileBytesMax: number): readonly (readonly Part[])[] | undefined {
  const bytesOf = (part: Part): number => part.bytes + part.leafCount * footerBytesOfChunk
  const total = parts.reduce((sum, part) => sum + bytesOf(part), 0)
  const fewest = total > fileBytesMax / 2 ? 2 : 1
  const evenBytes = total / Math.max(fewest, Math.ceil(total / fileBytesMax))
  const files: Part[][] = []
  let [bytes, chunkCount] = [Infinity, 0]
  for (const part of parts) {
    const partBytes = bytesOf(part)
    if (partBytes > fileBytesMax || part.leafCount > chunksMax.ofFile) return undefined
    const isFull = bytes >= evenBytes || bytes + partBytes > fileBytesMax
    if (isFull || chunkCount + part.leafCount > chunksMax.ofFile) {
      files.push([])
      bytes = 0
      chunkCount = 0
    }
    files.at(-1)?.push(part)
    bytes += partBytes
    chunkCount += part.leafCount
  }
  return files
}

async function writeJoined(
  path: string,
  parts: readonly Part[],
  {
    form,
    onGroup,
    signal,
  }: { readonly form: Form; readonly onGroup: (rowCount: number) => void; readonly signal: AbortSignal },
): Promise<void> {
  await using out = await open(path, 'wx')
  await out.chmod(0o644) // Read by the engine, whatever files here are made for.
  await out.writeFile(parquetMagic)
  const buffer = Buffer.allocUnsafe(copyBytes)
  const described: ThriftStruct[] = []
  let at = parquetMagic.length
  for (const [from, own] of Map.groupBy(parts, (part) => part.path)) {
    await using handle = await open(from)
    const groups = movableGroups(await footerOf(handle), form.wanted, form.codec)
    for (const { index, bytes, rowCount } of own) {
      const group = must(groups?.[index], 'a data file has the groups that it had')
      for (const range of group.ranges) await copyRange(handle, out, { ...range, buffer, signal })
      described.push(group.describe(at))
      at += bytes
      onGroup(rowCount)
    }
  }
  await out.writeFile(joinedFooter(form.wanted, described, rowsOf(parts)))
}

async function copyRange(
  from: FileHandle,
  to: FileHandle,
  {
    start,
    end,
    buffer,
    signal,
  }: {
    readonly start: number
    readonly end: number
    readonly buffer: Uint8Array
    readonly signal: AbortSignal
  },
): Promise<void> {
  let copied = start
  for await (const chunk of readChunks(from, buffer, { start, end })) {
    signal.throwIfAborted()
    await to.writeFile(chunk)
    copied += chunk.length
  }
  if (copied < end) throw new Error('A data file ends before its row groups do.')
}
