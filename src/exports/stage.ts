import { randomUUID } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { z } from 'zod'
import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { readChunks } from '#base/read-chunks.ts'
import type { CopiedFile, ColumnStatistics } from '#engine/engine.ts'
import { encryptFile } from '#formats/pgp.ts'
import { hashBytes, readBack } from '#formats/read-back.ts'
import { insertPart, type PartRow, updatePart } from '#metadata/exports.ts'
import type { StageToken } from '#objects/object-store.ts'
import type { ManifestFile } from './manifest.ts'
import { encryptedEnd, partName } from './names.ts'
import type { RunScope } from './run-scope.ts'
import type { SpooledFile } from './spool.ts'

/** Parts staged at the same time. */
const parallelPartsMax = 2
const readBytes = 1024 * 1024
/** Longer values are left out of the statistics. */
const valueCharactersMax = 128

/** A part whose bytes lie at the store, not yet visible. */
export interface StagedPart {
  readonly id: string
  readonly token: StageToken
  readonly file: ManifestFile
  readonly spoolPath: string
}

/** What is staged of a spool file: enough to do it again from a row of ours. */
export interface SpoolFile {
  readonly path: string
  /** Where it goes, below the location. */
  readonly folder: string
  readonly number: number
  readonly rowCount: number
  readonly statistics: ManifestFile['statistics']
}

export async function stageAll(scope: RunScope, files: readonly SpooledFile[]): Promise<StagedPart[]> {
  await scope.progress.update({ phase: 'staging', fileCount: files.length, filesDone: 0, bytes: 0 })
  const parts: StagedPart[] = []
  const waiting = [...files.entries()]
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [number, file] = next
      const part = await stagePart(scope, {
        path: file.path,
        folder: file.folder,
        number,
        rowCount: file.rowCount,
        statistics: statisticsOf(file),
      })
      parts.push(part)
      await scope.progress.update({
        filesDone: parts.length,
        bytes: parts.reduce((sum, { file }) => sum + file.bytes, 0),
      })
    }
  }
  const results = await Promise.allSettled(Array.from({ length: parallelPartsMax }, work))
  const failure = results.find((result) => result.status === 'rejected')
  if (failure) throw failure.reason
  return parts.toSorted((one, other) => (one.file.name < other.file.name ? -1 : 1))
}

/**
 * Brings one spool file to the store: the intent is on record before the first byte, the outcome only after another
 * reader has read what was staged, both under the fence.
 */
export async function stagePart(scope: RunScope, given: SpoolFile): Promise<StagedPart> {
  const spoolFile = await encrypted(scope, given)
  const { metadata, store, context, plan, clock } = scope
  const { run, lease, signal } = context
  const name = partName({
    folder: spoolFile.folder,
    number: spoolFile.number,
    runId: run.id,
    attempt: lease.fence,
    format: plan.format,
    isEncrypted: plan.encryption !== undefined,
  })
  const token = store.prepare(name, `${run.id}/${lease.fence}`)
  const id = randomUUID()
  await metadata.transaction(async (tx) => {
    await lease.assertHeld(tx)
    await insertPart(tx, {
      id,
      run_id: run.id,
      fence: lease.fence,
      number: spoolFile.number,
      store: JSON.stringify({ target: plan.target, connectionId: plan.connectionId }),
      token: JSON.stringify(token),
      spool_path: spoolFile.path,
      created_at: clock.now(),
    })
  })
  await faultPoint('export.stage.intent')
  const staged = await store.stage(token, spoolBytes(spoolFile.path), { signal })
  const isReadable = plan.encryption === undefined
  const found = isReadable
    ? await readBack(plan.format, store.readStaged(token, { signal }))
    : { ...(await hashBytes(store.readStaged(token, { signal }))), rowCount: spoolFile.rowCount }
  if (found.sha256 !== staged.sha256 || found.bytes !== staged.bytes) {
    throw new AppError(
      'export.counts',
      `${name}: ${staged.bytes} bytes were staged and ${found.bytes} others were read back.`,
    )
  }
  if (found.rowCount !== spoolFile.rowCount) {
    throw new AppError(
      'export.counts',
      `${name}: the engine wrote ${spoolFile.rowCount} rows and ${found.rowCount} were read back.`,
    )
  }
  const file: ManifestFile = { name, ...staged, rowCount: found.rowCount, statistics: spoolFile.statistics }
  await metadata.transaction(async (tx) => {
    await lease.assertHeld(tx)
    await updatePart(tx, id, {
      state: 'staged',
      bytes: file.bytes,
      sha256: file.sha256,
      row_count: file.rowCount,
      statistics: JSON.stringify(file.statistics),
    })
  })
  await faultPoint('export.stage.done')
  return { id, token, file, spoolPath: spoolFile.path }
}

/** What a run delivers encrypted is read back before it is, as nobody here can read it afterwards. */
async function encrypted({ plan, context }: RunScope, file: SpoolFile): Promise<SpoolFile> {
  const { encryption } = plan
  if (!encryption || file.path.endsWith(encryptedEnd)) return file
  const { rowCount } = await readBack(plan.format, spoolBytes(file.path))
  if (rowCount !== file.rowCount) {
    throw new AppError(
      'export.counts',
      `The engine wrote ${file.rowCount} rows and ${rowCount} were read back before they were encrypted.`,
    )
  }
  const path = `${file.path}${encryptedEnd}`
  await encryptFile(encryption, file.path, path, { signal: context.signal })
  await rm(file.path)
  // Least and greatest values are what was to be kept from others.
  return { ...file, path, statistics: {} }
}

async function* spoolBytes(path: string): AsyncGenerator<Uint8Array> {
  await using handle = await open(path)
  let isFirst = true
  for await (const chunk of readChunks(handle, Buffer.allocUnsafe(readBytes))) {
    yield chunk
    if (isFirst) await faultPoint('export.stage.middle')
    isFirst = false
  }
}

const storedToken = z.strictObject({ name: z.string(), owner: z.string(), id: z.string() })

export function tokenOf(row: PartRow): StageToken {
  return storedToken.parse(row.token)
}

/** A part as an earlier attempt staged it. */
export function stagedPartOf(row: PartRow): StagedPart {
  const token = tokenOf(row)
  return {
    id: row.id,
    token,
    spoolPath: row.spool_path,
    file: {
      name: token.name,
      bytes: Number(must(row.bytes, `part ${row.id} is staged and has no size`)),
      sha256: must(row.sha256, `part ${row.id} is staged and has no hash`),
      rowCount: Number(must(row.row_count, `part ${row.id} is staged and has no rows`)),
      statistics: (row.statistics ?? {}) as ManifestFile['statistics'],
    },
  }
}

function statisticsOf({ statistics }: CopiedFile): ManifestFile['statistics'] {
  return Object.fromEntries(
    Object.entries(statistics).map(([column, values]) => [column, columnStatistics(values)]),
  )
}

function columnStatistics({ min, max, nullCount }: ColumnStatistics): ManifestFile['statistics'][string] {
  return {
    ...(min !== undefined && min.length <= valueCharactersMax ? { min } : {}),
    ...(max !== undefined && max.length <= valueCharactersMax ? { max } : {}),
    ...(nullCount === undefined ? {} : { nullCount }),
  }
}
