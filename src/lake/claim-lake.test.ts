import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openLocalStore } from '../objects/local/local-store.ts'
import { claimLake } from './claim-lake.ts'

const homeId = 'a home'

async function place() {
  const folder = await mkdtemp(join(tmpdir(), 'claim-lake-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return { mark: join(folder, 'sluice-lake.json'), store: await openLocalStore({ kind: 'local', folder }) }
}

test('a place is the lake of one home, for all its servers and all its lives', async () => {
  const { store, mark } = await place()
  await Promise.all([claimLake(store, { homeId, epoch: 1 }), claimLake(store, { homeId, epoch: 1 })])
  const text = await readFile(mark, 'utf8')
  await claimLake(store, { homeId, epoch: 1 })
  expect(await readFile(mark, 'utf8')).toBe(text)
})

test.each([
  ['another home', { homeId: 'another', epoch: 1 }, 'is the lake of another home'],
  ['the home restored from a backup', { homeId, epoch: 2 }, 'before or after a restore'],
])('%s is refused, and the mark stays', async (_who, owner, words) => {
  const { store, mark } = await place()
  await claimLake(store, { homeId, epoch: 1 })
  const text = await readFile(mark, 'utf8')
  await expect(claimLake(store, owner)).rejects.toMatchObject({
    code: 'config.invalid',
    message: expect.stringContaining(words),
  })
  expect(await readFile(mark, 'utf8')).toBe(text)
})

test('a mark that cannot be read is somebody else’s', async () => {
  const { store, mark } = await place()
  await writeFile(mark, 'torn')
  await expect(claimLake(store, { homeId, epoch: 1 })).rejects.toMatchObject({ code: 'config.invalid' })
})
