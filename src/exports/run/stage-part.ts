import { randomUUID } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { readChunks } from '#base/read-chunks.ts'
import { encryptFile } from '#formats/pgp.ts'
import { hashBytes, type ReadBack, readBack } from '#formats/read-back.ts'
import { insertPart, updatePart } from '#metadata/exports.ts'
import type { Staged, StageToken } from '#objects/object-store.ts'
import type { ManifestFile } from '../manifests/manifest.ts'
import { encryptedEnd, partName } from '../manifests/names.ts'
import type { RunScope } from './run-scope.ts'

const readBytes = 1024 * 1024

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

/** A part that is on record as intended. */
export interface IntendedPart {
  readonly id: string
  readonly token: StageToken
}

/** A part whose bytes are at the store, and of which nothing is on record but its intent. */
export interface SentPart extends IntendedPart {
  readonly staged: Staged
  /** What the second reader found in the spool file while that was written. */
  readonly read?: ReadBack | undefined
  /** What it found at the store. */
  readonly found?: ReadBack | undefined
}

/**
 * Brings one spool file to the store: the intent is on record before the first byte, the outcome only after another
 * reader has read what was staged, both under the fence.
 */
export async function stagePart(scope: RunScope, given: SpoolFile): Promise<StagedPart> {
  const spoolFile = await encrypted(scope, given)
  const intended = await intendPart(scope, spoolFile)
  const { store, context } = scope
  const staged = await store.stage(intended.token, spoolBytes(spoolFile.path), context)
  const part = await countPart(scope, spoolFile, { ...intended, staged })
  // Not before: an attempt that is paused leaves what is not staged to the next one.
  if (spoolFile.path !== given.path) await rm(given.path)
  return part
}

export async function intendPart(
  { metadata, store, context, plan, clock }: RunScope,
  file: Pick<SpoolFile, 'path' | 'folder' | 'number'>,
): Promise<IntendedPart> {
  const { run, lease } = context
  const name = partName({
    folder: file.folder,
    number: file.number,
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
      number: file.number,
      store: JSON.stringify({ target: plan.target, connectionId: plan.connectionId }),
      token: JSON.stringify(token),
      spool_path: file.path,
      created_at: clock.now(),
    })
  })
  await faultPoint('export.stage.intent')
  return { id, token }
}

/**
 * The second reader: has on record what is staged when its bytes and rows are what they are to be.
 * @throws AppError 'export.counts'
 */
export async function countPart(scope: RunScope, spoolFile: SpoolFile, part: SentPart): Promise<StagedPart> {
  const { metadata, context, plan } = scope
  const { id, token, staged } = part
  const { lease } = context
  const { name } = token
  // What is encrypted was read before it was.
  const read = plan.encryption ? { ...staged, rowCount: spoolFile.rowCount } : part.read
  const found = part.found ?? (await readStaged(scope, { token, staged, read }))
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

/** What the second reader finds at the store. Bytes that it has read before it takes for those only by their hash. */
export async function readStaged(
  { store, context, plan }: Pick<RunScope, 'store' | 'context' | 'plan'>,
  { token, staged, read }: Pick<SentPart, 'token' | 'staged' | 'read'>,
): Promise<ReadBack> {
  const bytes = store.readStaged(token, { signal: context.signal })
  return read?.sha256 === staged.sha256 && read.bytes === staged.bytes
    ? { ...(await hashBytes(bytes)), rowCount: read.rowCount }
    : await readBack(plan.format, bytes)
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
