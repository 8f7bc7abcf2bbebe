import { link, lstat, mkdir, mkdtemp, open, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { collectAll, objectStoreContract } from '../../../test/support/object-store-contract.ts'
import { openStore } from '../open-store.ts'
import { type FileSystem, openLocalStore } from './local-store.ts'

const signal = new AbortController().signal

async function location(fileSystem?: FileSystem) {
  const base = await mkdtemp(join(tmpdir(), 'lake-objects-'))
  const folder = join(base, 'a b', 'out')
  const again = () => openLocalStore({ kind: 'local', folder }, fileSystem)
  return {
    base,
    folder,
    again,
    store: await again(),
    [Symbol.asyncDispose]: () => rm(base, { recursive: true, force: true }),
  }
}

function refusing(code: string) {
  return () => Promise.reject(Object.assign(new Error(code), { code, syscall: 'link' }))
}

const withoutLinks: FileSystem = { link: refusing('EPERM'), open }

objectStoreContract('local', () => location())

test('a file that stands where the folder is to be is told of', async () => {
  await using place = await location()
  const folder = join(place.base, 'file')
  await writeFile(folder, '')
  for (const below of [folder, join(folder, 'out')])
    await expect(openLocalStore({ kind: 'local', folder: below })).rejects.toThrow('A file stands where')
})

test('without links, staged files are renamed', async () => {
  await using place = await location(withoutLinks)
  const { store } = place
  const token = store.prepare('a/part', 'run-1')
  const staged = await store.stage(token, bytes('hello'), { signal })
  await store.complete(token, staged, { signal })
  await store.complete(token, staged, { signal })
  expect(await readdir(join(place.folder, 'a'))).toEqual(['part'])
  const other = store.prepare('a/part', 'run-2')
  const stagedOther = await store.stage(other, bytes('HELLO'), { signal })
  await expect(store.complete(other, stagedOther, { signal })).rejects.toMatchObject({
    code: 'object.exists',
  })
  expect(await store.putIfAbsent('a/part', Buffer.from('x'), { signal })).toBe('exists')
  expect(await store.putIfAbsent('a/manifest', Buffer.from('x'), { signal })).toBe('created')
})

test('a crash between linking and removing the staging name is completed by the next call', async () => {
  await using place = await location()
  const { store } = place
  const token = store.prepare('part', 'run-1')
  const staged = await store.stage(token, bytes('hello'), { signal })
  const [staging] = await readdir(place.folder)
  await link(join(place.folder, staging!), join(place.folder, 'part'))
  await store.complete(token, staged, { signal })
  expect(await readdir(place.folder)).toEqual(['part'])
})

test('a staged file that was cut is not completed', async () => {
  await using place = await location()
  const { store } = place
  const token = store.prepare('part', 'run-1')
  const staged = await store.stage(token, bytes('hello'), { signal })
  const [staging] = await readdir(place.folder)
  await writeFile(join(place.folder, staging!), 'hell')
  await expect(store.complete(token, staged, { signal })).rejects.toMatchObject({ code: 'object.missing' })
  expect(await store.head('part', { signal })).toBeUndefined()
})

test('a full disk is said as such and leaves nothing behind', async () => {
  const onFullDisk: FileSystem = {
    link,
    open: async (path, flags, mode) => {
      await (await open(path, flags, mode)).close()
      return await open('/dev/full', 'w')
    },
  }
  await using place = await location(onFullDisk)
  const { store } = place
  const full = { code: 'store.full', meaning: { retry: true } }
  await expect(store.stage(store.prepare('part', 'run-1'), bytes('x'), { signal })).rejects.toMatchObject(
    full,
  )
  await expect(store.putIfAbsent('part', Buffer.from('x'), { signal })).rejects.toMatchObject(full)
  expect(await readdir(place.folder)).toEqual([])
})

test('a folder that is a link out of the location is refused, and not listed', async () => {
  await using place = await location()
  const { store, base } = place
  await mkdir(join(base, 'elsewhere'))
  await writeFile(join(base, 'elsewhere', 'secret'), 'x')
  await symlink(join(base, 'elsewhere'), join(place.folder, 'way'))
  await symlink(join(base, 'elsewhere', 'secret'), join(place.folder, 'file'))
  const refused = { code: 'store.unreachable' }
  await expect(store.stage(store.prepare('way/part', 'r'), bytes('x'), { signal })).rejects.toMatchObject(
    refused,
  )
  await expect(store.putIfAbsent('way/part', Buffer.from('x'), { signal })).rejects.toMatchObject(refused)
  await expect(store.delete('way/secret')).rejects.toMatchObject(refused)
  await expect(collectAll(store.read('way/secret', { signal }))).rejects.toMatchObject(refused)
  await expect(collectAll(store.read('file', { signal }))).rejects.toMatchObject({
    code: 'object.missing',
  })
  expect(await collectAll(store.list('', { signal }))).toEqual([])
  expect(await store.head('file', { signal })).toBeUndefined()
  expect(await store.putIfAbsent('file', Buffer.from('x'), { signal })).toBe('exists')
  expect(await readdir(join(base, 'elsewhere'))).toEqual(['secret'])
})

test('a location that became a link since it was chosen is not opened, and nothing is made behind it', async () => {
  await using place = await location()
  const elsewhere = join(place.base, 'elsewhere')
  await mkdir(elsewhere)
  const folder = join(place.folder, 'way', 'out')
  const config = { kind: 'local', folder, realFolder: folder } as const
  await symlink(elsewhere, join(place.folder, 'way'))
  await expect(openStore(config)).rejects.toMatchObject({ code: 'store.refused' })
  expect(await readdir(elsewhere)).toEqual([])
  await rm(join(place.folder, 'way'))
  expect((await openStore(config)).location).toBe(`file://${encodeURI(folder)}`)
})

test('a name kept for staging is refused', async () => {
  await using place = await location()
  const { store } = place
  await store.stage(store.prepare('part', 'run-1'), bytes('x'), { signal })
  const [staging] = await readdir(place.folder)
  await expect(collectAll(store.read(staging!, { signal }))).rejects.toMatchObject({
    code: 'request.invalid',
  })
  await expect(store.delete(staging!)).rejects.toMatchObject({ code: 'request.invalid' })
})

test('a file that stands where a folder is needed is said as such', async () => {
  await using place = await location()
  await writeFile(join(place.folder, 'a'), 'x')
  await expect(place.store.putIfAbsent('a/b', Buffer.from('x'), { signal })).rejects.toMatchObject({
    code: 'store.unreachable',
  })
})

test('files can be read by others than their owner, and the location is made when missing', async () => {
  await using place = await location()
  const store = await openStore({ kind: 'local', folder: place.folder })
  await store.putIfAbsent('a/b', Buffer.from('x'), { signal })
  const others = async (path: string) => (await lstat(join(place.folder, path))).mode & 0o005
  expect(await others('a/b')).toBe(0o004)
  expect(await others('a')).toBe(0o005)
  expect(store.location).toBe(`file://${encodeURI(place.folder)}`)
})

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}
