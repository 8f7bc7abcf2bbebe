import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { testCaller } from '../../test/support/access.ts'
import { testMetadata } from '../../test/support/metadata.ts'
import { temporaryFolder } from '../../test/support/sluice.ts'
import { systemClock } from '#base/clock.ts'
import { newOrganizationId, newUuidId } from '#base/ids.ts'
import { addKey } from './keyring.ts'
import { createSecretStore } from './secret-store.ts'

async function world() {
  const metadata = await testMetadata()
  onTestFinished(() => metadata[Symbol.asyncDispose]())
  const { caller } = await testCaller(metadata)
  const keyFile = join(await temporaryFolder('secrets'), 'keys', 'master-keys.json')
  const open = () => createSecretStore({ metadata, keyFile, clock: systemClock })
  const owner = { organizationId: caller.principal.organizationId, sandboxId: caller.sandbox.id }
  const store = await open()
  const put = (value: string) =>
    metadata.transaction((tx) => store.put(tx, { ...owner, purpose: 'destination', value }))
  return { metadata, keyFile, open, owner, store, put }
}

test('a secret is read by its owner alone, and is nowhere in the database as it is', async () => {
  const { metadata, keyFile, owner, store, put } = await world()
  const id = await put('geheim-ä')
  expect(await store.read(id, owner)).toBe('geheim-ä')
  for (const other of [
    { ...owner, sandboxId: newUuidId('sandbox') },
    { ...owner, sandboxId: undefined },
    { ...owner, organizationId: newOrganizationId() },
  ]) {
    await expect(store.read(id, other)).rejects.toMatchObject({ code: 'admin.unknown' })
  }
  const { sealed } = await metadata.db.selectFrom('secrets').select('sealed').executeTakeFirstOrThrow()
  expect(sealed).not.toContain(Buffer.from('geheim').toString('base64url').slice(0, 6))
  expect(statSync(keyFile).mode & 0o777).toBe(0o600)
  await metadata.transaction((tx) => store.remove(tx, id, owner))
  await expect(store.read(id, owner)).rejects.toMatchObject({ code: 'admin.unknown' })
})

test('a sealed text that was changed or moved to another row does not open', async () => {
  const { metadata, owner, store, put } = await world()
  const [one, two] = [await put('one'), await put('two')]
  const texts = await metadata.db.selectFrom('secrets').select(['id', 'sealed']).execute()
  const textOf = (id: string) => texts.find((row) => row.id === id)!.sealed
  const write = (id: string, sealed: string) =>
    metadata.db.updateTable('secrets').set({ sealed }).where('id', '=', id).execute()
  await write(one, textOf(two))
  await expect(store.read(one, owner)).rejects.toMatchObject({ code: 'secret.unreadable' })
  const last = textOf(one).at(-2) === 'A' ? 'B' : 'A'
  await write(one, textOf(one).slice(0, -2) + last + textOf(one).slice(-1))
  await expect(store.read(one, owner)).rejects.toMatchObject({ code: 'secret.unreadable' })
  await write(one, textOf(one))
  expect(await store.read(one, owner)).toBe('one')
})

test('after a rotation everything is sealed with the new key and the old one is gone', async () => {
  const { metadata, keyFile, open, owner, store, put } = await world()
  const ids = [await put('one'), await put('two')]
  const before = readFileSync(keyFile, 'utf8')
  expect(await store.rotateKey()).toMatchObject({ secretCount: 2 })
  const keys = JSON.parse(readFileSync(keyFile, 'utf8')).keys as { id: string }[]
  expect(keys).toHaveLength(1)
  expect(before).not.toContain(keys[0]!.id)
  const used = await metadata.db.selectFrom('secrets').select('key_id').distinct().execute()
  expect(used).toEqual([{ key_id: keys[0]!.id }])
  const again = await open()
  expect(await Promise.all(ids.map((id) => again.read(id, owner)))).toEqual(['one', 'two'])
  writeFileSync(keyFile, before)
  await expect((await open()).read(ids[0]!, owner)).rejects.toMatchObject({ code: 'secret.unreadable' })
})

test('a secret that is being put while the key rotates is readable afterwards', async () => {
  const { metadata, keyFile, open, owner, store } = await world()
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
  const { promise: isPut, resolve: put } = Promise.withResolvers<string>()
  onTestFinished(() => letGo())
  const slow = metadata.transaction(async (tx) => {
    put(await store.put(tx, { ...owner, purpose: 'destination', value: 'late' }))
    await held
  })
  const id = await isPut
  let isOver = false
  const rotation = store.rotateKey().finally(() => (isOver = true))
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(isOver).toBe(false) // The key of what is not committed yet is not forgotten.
  letGo()
  await slow
  const { keyId } = await rotation
  expect(JSON.parse(readFileSync(keyFile, 'utf8')).keys).toMatchObject([{ id: keyId }])
  expect(await (await open()).read(id, owner)).toBe('late')
})

test('of rotations at once, of one process or two, none forgets a key that another one has sealed with', async () => {
  const { keyFile, open, owner, store, put } = await world()
  const other = await open()
  const ids = [await put('one'), await put('two')]
  for (let round = 0; round < 3; round += 1) {
    await Promise.all([store.rotateKey(), other.rotateKey(), store.rotateKey()])
    for (const reader of [store, other, await open()]) {
      expect(await Promise.all(ids.map((id) => reader.read(id, owner)))).toEqual(['one', 'two'])
    }
  }
  expect(JSON.parse(readFileSync(keyFile, 'utf8')).keys).toHaveLength(1)
})

test('who has the keys of before a rotation seals with the new one', async () => {
  const { metadata, open, owner, store } = await world()
  const other = await open()
  await store.rotateKey()
  const id = await metadata.transaction((tx) =>
    other.put(tx, { ...owner, purpose: 'destination', value: 'x' }),
  )
  expect(await (await open()).read(id, owner)).toBe('x')
})

test('a rotation broken off leaves everything readable, and the next completes it', async () => {
  const { keyFile, open, owner, store, put } = await world()
  const id = await put('one')
  await addKey(keyFile, new Date()) // It came so far.
  expect(await (await open()).read(id, owner)).toBe('one')
  await store.rotateKey()
  expect(await (await open()).read(id, owner)).toBe('one')
  expect(JSON.parse(readFileSync(keyFile, 'utf8')).keys).toHaveLength(1)
})

test('master keys that others may read, or that are none, are refused without showing them', async () => {
  const { keyFile, open } = await world()
  chmodSync(keyFile, 0o640)
  await expect(open()).rejects.toMatchObject({ code: 'home.unusable' })
  chmodSync(keyFile, 0o600)
  writeFileSync(keyFile, '{"keys":[{"id":"0123456789abcdef","key":"Q0FOQVJZ","createdAt":""}]}')
  const failure = await open().catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'home.unusable' })
  expect(JSON.stringify([String(failure), (failure as Error).stack])).not.toContain('Q0FOQVJZ')
})
