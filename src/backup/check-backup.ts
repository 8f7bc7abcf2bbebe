import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '#base/errors.ts'
import { someAtOnce } from '#base/some-at-once.ts'
import { codeOf } from '#base/system-error.ts'
import { type Migration, migrations } from '#metadata/migrate.ts'
import { layoutVersion } from '#metadata/open-home.ts'
import type { Hashed } from './copy-file.ts'
import { type BackupFile, type BackupManifest, corrupt } from './manifest.ts'
import type { Backup } from './repository.ts'

const looksAtOnce = 4

/** @throws AppError 'metadata.newer' */
export function knownMigrations({ migrations: names, layout }: BackupManifest): readonly Migration[] {
  const isKnown = layout <= layoutVersion && names.every((name, index) => migrations[index]?.name === name)
  if (isKnown) return migrations.slice(0, names.length)
  throw new AppError(
    'metadata.newer',
    `The backup's database has version ${names.length} (${names.at(-1) ?? 'none'}), which this Sluice does not know.`,
    { hint: 'Restore it with the Sluice that took it, or a newer one.' },
  )
}

/** What is torn or missing is found before anything is made. */
export async function checkSizes({ folder, manifest }: Backup): Promise<void> {
  for (const table of manifest.tables) {
    const name = `database/${table}.jsonl`
    if (!manifest.files.some((file) => file.name === name)) throw corrupt(name, 'is not in the manifest')
  }
  await someAtOnce(manifest.files, looksAtOnce, async ({ name, bytes }) => {
    const stats = await stat(join(folder, name)).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') throw corrupt(name, 'is missing')
      throw error
    })
    if (stats.size !== bytes) throw corrupt(name, `has ${stats.size} bytes where ${bytes} were written`)
  })
}

/** @throws AppError 'backup.corrupt' */
export function checkHash(file: BackupFile, read: Hashed): void {
  if (read.sha256 !== file.sha256) throw corrupt(file.name, 'was changed: its hash is another one')
}
