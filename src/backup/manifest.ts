import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { readTextIfThere } from '#base/system-error.ts'

/** Raised when an older Sluice could not restore what this one backs up. */
export const formatVersion = 1
export const manifestName = 'manifest.json'

const name = z
  .string()
  .min(1)
  .refine((text) => text.split('/').every((part) => part !== '' && part !== '.' && part !== '..'))

const fileSchema = z.strictObject({
  /** Below the backup's folder. */
  name,
  bytes: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})

const manifestSchema = z.strictObject({
  format: z.literal('sluice-backup'),
  version: z.int().positive(),
  id: z.string().min(1),
  runId: z.string(),
  /** The Sluice that took it. */
  sluice: z.string(),
  takenAt: z.iso.datetime(),
  homeId: z.string(),
  epoch: z.int(),
  layout: z.int(),
  /** Names of the migrations that the database had. */
  migrations: z.array(z.string()),
  tables: z.array(z.string()),
  sequences: z.record(z.string(), z.string()),
  rowCount: z.int().nonnegative(),
  files: z.array(fileSchema),
  /** SHA-256 of everything above. */
  checksum: z.string(),
})

export type BackupManifest = z.infer<typeof manifestSchema>
export type BackupFile = z.infer<typeof fileSchema>

export function printManifest(body: Omit<BackupManifest, 'checksum'>): string {
  return `${JSON.stringify({ ...body, checksum: checksumOf(body) }, undefined, 1)}\n`
}

/**
 * @returns undefined when the folder has no manifest
 * @throws AppError 'backup.corrupt', 'metadata.newer'
 */
export async function readManifest(folder: string): Promise<BackupManifest | undefined> {
  const path = join(folder, manifestName)
  const text = await readTextIfThere(path)
  if (text === undefined) return undefined
  const value = parseJson(text)
  refuseNewer(value)
  const parsed = manifestSchema.safeParse(value)
  if (!parsed.success) throw corrupt(path, 'is torn or was changed')
  const { checksum, ...body } = parsed.data
  if (checksumOf(body) !== checksum) throw corrupt(path, 'was changed')
  return parsed.data
}

export function corrupt(file: string, what: string): AppError {
  return new AppError('backup.corrupt', `The backup is not whole: ${file} ${what}.`, {
    hint: 'Nothing was restored from it. Restore another backup.',
    detail: { file },
  })
}

function checksumOf(body: Omit<BackupManifest, 'checksum'>): string {
  // The order in which the schema names things, whoever made the object.
  const { checksum: _none, ...ordered } = manifestSchema.parse({ ...body, checksum: '' })
  return createHash('sha256').update(JSON.stringify(ordered)).digest('hex')
}

function refuseNewer(value: unknown): void {
  const version =
    typeof value === 'object' && value !== null && 'version' in value ? value.version : undefined
  if (typeof version !== 'number' || version <= formatVersion) return
  throw new AppError(
    'metadata.newer',
    `The backup has format ${version} and this Sluice knows formats up to ${formatVersion}.`,
    { hint: 'Restore it with the newer Sluice that took it.' },
  )
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // The schema refuses it.
  }
}
