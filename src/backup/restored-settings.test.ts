import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { setPlaces } from './restored-settings.ts'

test('what says where things were is not of the restored home, all else is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-settings-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'config.json')
  const lake = { location: 's3://lake/old', cacheFolder: '/cache', retentionMs: '9d' }
  const exports = { landingLocation: 's3://landing', landingKeyMs: '1h' }
  await writeFile(path, JSON.stringify({ databaseUrl: 'postgres://old', lake, exports }))
  await setPlaces(path, 's3://lake/new')
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
    lake: { retentionMs: '9d', location: 's3://lake/new' },
    exports: { landingKeyMs: '1h' },
  })
})
