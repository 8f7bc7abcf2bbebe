import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '#base/clock.ts'
import { silentLogger } from '#base/log.ts'
import { migrations } from '#metadata/migrate.ts'
import { type BackupManifest, manifestName, printManifest, readManifest } from './manifest.ts'
import { findBackup } from './repository.ts'
import { restoreBackup } from './restore.ts'

const body: Omit<BackupManifest, 'checksum'> = {
  format: 'sluice-backup',
  version: 1,
  id: '20260301T010000Z-1a2b3c4d',
  runId: '1a2b3c4d-0000-0000-0000-000000000000',
  sluice: '0.1.0',
  takenAt: '2026-03-01T01:00:00.000Z',
  homeId: 'h',
  epoch: 1,
  layout: 1,
  migrations: migrations.map(({ name }) => name),
  tables: [],
  sequences: {},
  rowCount: 0,
  files: [],
}

async function folderWith(text: string, name = ''): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'backup-manifest-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await mkdir(join(folder, name), { recursive: true })
  await writeFile(join(folder, name, manifestName), text)
  return folder
}

async function restoring(from: string): Promise<unknown> {
  return await restoreBackup({
    from,
    home: join(from, 'never'),
    lakeFolder: join(from, 'never', 'lake'),
    isDryRun: true,
    clock: systemClock,
    logger: silentLogger,
    signal: new AbortController().signal,
  })
}

test('a manifest reads back as it was written, and a backup of this version is whole', async () => {
  const folder = await folderWith(printManifest(body))
  expect(await readManifest(folder)).toMatchObject(body)
  expect(await restoring(folder)).toMatchObject({ backupId: body.id, epoch: undefined })
})

test('any change of what it says is seen', async () => {
  const changed = printManifest(body).replace('"rowCount": 0', '"rowCount": 1')
  await expect(readManifest(await folderWith(changed))).rejects.toMatchObject({ code: 'backup.corrupt' })
})

test('what a newer Sluice took is refused', async () => {
  const newerForm = printManifest(body).replace('"version": 1', '"version": 2, "more": []')
  await expect(readManifest(await folderWith(newerForm))).rejects.toMatchObject({ code: 'metadata.newer' })
  const newerDatabase = printManifest({ ...body, migrations: [...body.migrations, '9999-future'] })
  await expect(restoring(await folderWith(newerDatabase))).rejects.toMatchObject({
    code: 'metadata.newer',
    message: expect.stringContaining('9999-future'),
  })
  const newerLayout = printManifest({ ...body, layout: 99 })
  await expect(restoring(await folderWith(newerLayout))).rejects.toMatchObject({ code: 'metadata.newer' })
})

test('the newest of several backups is found, and a folder without one is none', async () => {
  const folder = await folderWith(printManifest(body), '20260301T010000Z-1a2b3c4d')
  await mkdir(join(folder, '.unfinished-x'))
  expect((await findBackup(folder)).manifest.id).toBe(body.id)
  await mkdir(join(folder, '20260302T010000Z-aaaaaaaa'))
  await expect(findBackup(folder)).rejects.toMatchObject({ code: 'backup.unknown' })
})
