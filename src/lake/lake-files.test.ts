import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { silentLogger } from '#base/log.ts'
import { type FaultProxy, startFaultProxy } from '../../test/support/fault-proxy.ts'
import { hasS3Server, type S3Server, startS3Server } from '../../test/support/s3-server.ts'
import type { LakeFiles } from './lake-files.ts'
import { openLakeFiles } from './open-lake-files.ts'

const signal = new AbortController().signal

let root = ''
let server: S3Server
let proxy: FaultProxy
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-lake-files-'))
  if (!hasS3Server) return
  server = await startS3Server()
  proxy = await startFaultProxy(server.endpoint)
})
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]()
  await server?.[Symbol.asyncDispose]()
  await rm(root, { recursive: true })
})

interface Place {
  readonly base: string
  readonly files: LakeFiles
  /** As another server would, with folders of its own. */
  readonly another: () => Promise<LakeFiles>
}

async function place(location?: string): Promise<Place> {
  const base = await mkdtemp(join(root, 'place-'))
  const open = async (machine: string): Promise<LakeFiles> =>
    await openLakeFiles(
      {
        folder: location === undefined ? join(base, 'lake') : join(base, machine, 'lake'),
        location,
        cacheFolder: join(base, machine, 'cache'),
        cacheBytes: 100_000_000,
      },
      {
        server: location === undefined ? { region: '' } : { region: server.region, endpoint: proxy.endpoint },
        credentials: location === undefined ? {} : { s3: server.credentials },
        logger: silentLogger,
      },
    )
  return { base, files: await open('one'), another: async () => await open('two') }
}

const onS3 = async (): Promise<Place> => await place(`s3://${await server.makeBucket()}/the/lake`)

describe.each([
  ['a folder', async () => await place(), false],
  ['S3', onS3, !hasS3Server],
] as const)('a lake in %s', (_, open, isSkipped) => {
  describe.skipIf(isSkipped)('by its files', () => {
    test('gives what was written, to others too, and writes nothing twice', async () => {
      const { files, another } = await open()
      await using one = files
      await using two = await another()
      await one.write('t/metadata/v1.json', Buffer.from('{}'), { signal })
      expect((await two.read('t/metadata/v1.json', { signal })).toString()).toBe('{}')
      await expect(two.write('t/metadata/v1.json', Buffer.from('[]'), { signal })).rejects.toMatchObject({
        code: 'object.exists',
      })
      expect((await one.read('t/metadata/v1.json', { signal })).toString()).toBe('{}')
      await expect(one.read('t/metadata/v2.json', { signal })).rejects.toMatchObject({
        code: 'object.missing',
      })
      expect(two.location).toBe(one.location)
    })

    test('takes what the engine made and gives it to engines elsewhere', async () => {
      const { files, another } = await open()
      await using one = files
      await using two = await another()
      const made = [
        { name: 'day=1/a.parquet', content: randomBytes(20_000_000) },
        { name: 'day=2/b.parquet', content: randomBytes(1_000) },
        { name: 'day=2/c.parquet', content: randomBytes(10) },
      ]
      const outbox = await one.outbox('t/data/w1')
      for (const { name, content } of made) await writeInto(outbox, name, content)
      const delivered = made.map(({ name, content }) => ({ name, bytes: content.length }))
      await one.deliver('t/data/w1', delivered, { signal })
      const wanted = delivered.map(({ name, bytes }) => ({ name: `t/data/w1/${name}`, bytes }))
      for (const lake of [one, two]) {
        using lease = await lake.lease(wanted, { signal })
        expect(lease.paths).toEqual(wanted.map((file) => lake.pathOf(file)))
        for (const [index, path] of lease.paths.entries()) {
          expect((await readFile(path)).equals(made[index]!.content)).toBe(true)
        }
      }
    })

    test('refuses files that are missing or of another size', async () => {
      const { files } = await open()
      await using lake = files
      await writeInto(await lake.outbox('t/data/w1'), 'a', Buffer.from('four'))
      await lake.deliver('t/data/w1', [{ name: 'a', bytes: 4 }], { signal })
      const lease = (name: string, bytes: number) => lake.lease([{ name, bytes }], { signal })
      await expect(lease('t/data/w1/b', 4)).rejects.toMatchObject({ code: 'object.missing' })
      await expect(lease('t/data/w1/a', 5)).rejects.toMatchObject({ code: 'store.corrupt' })
      await writeInto(await lake.outbox('t/data/w2'), 'a', Buffer.from('four'))
      const delivery = lake.deliver('t/data/w2', [{ name: 'a', bytes: 5 }], { signal })
      await expect(delivery).rejects.toMatchObject({ code: 'store.corrupt' })
    })

    test('forgets a write, delivered or not, and nothing else', async () => {
      const { files } = await open()
      await using lake = files
      for (const write of ['w1', 'w2']) {
        await writeInto(await lake.outbox(`t/data/${write}`), 'day=1/a', Buffer.from('four'))
        await lake.deliver(`t/data/${write}`, [{ name: 'day=1/a', bytes: 4 }], { signal })
        await lake.write(`t/metadata/${write}-m0.avro`, Buffer.from('x'), { signal })
      }
      expect(await lake.discard('t/data/w1', { signal })).toBe(1)
      expect(await lake.discard('t/metadata/w1', { signal })).toBe(1)
      expect(await lake.discard('t/metadata/w1', { signal })).toBe(0)
      await expect(lake.lease([{ name: 't/data/w1/day=1/a', bytes: 4 }], { signal })).rejects.toMatchObject({
        code: 'object.missing',
      })
      using lease = await lake.lease([{ name: 't/data/w2/day=1/a', bytes: 4 }], { signal })
      expect((await readFile(lease.paths[0]!)).toString()).toBe('four')
      expect((await lake.read('t/metadata/w2-m0.avro', { signal })).toString()).toBe('x')
      const outbox = await lake.outbox('t/data/w3')
      await writeInto(outbox, 'a', Buffer.from('unfinished'))
      await lake.discard('t/data/w3', { signal })
      await expect(readdir(outbox)).rejects.toMatchObject({ code: 'ENOENT' })
    })

    test('tells what is there, gives parts of files and removes single ones', async () => {
      const { files } = await open()
      await using lake = files
      for (const name of ['t/metadata/a', 't/metadata/a.b', 't/data/w1/day=1/c', 'tt/metadata/d']) {
        await lake.write(name, Buffer.from('0123456789'), { signal })
      }
      const namesIn = async (folder: string): Promise<string[]> => {
        const names: string[] = []
        for await (const { name, bytes, modifiedAt } of lake.list(folder, { signal })) {
          expect(bytes).toBe(10)
          expect(Math.abs(Date.now() - modifiedAt.getTime())).toBeLessThan(60_000)
          names.push(name)
        }
        return names.toSorted()
      }
      expect(await namesIn('t')).toEqual(['t/data/w1/day=1/c', 't/metadata/a', 't/metadata/a.b'])
      expect(await namesIn('nothing')).toEqual([])
      expect((await lake.read('t/metadata/a', { signal, start: 3, end: 5 })).toString()).toBe('34')
      expect((await lake.read('t/metadata/a', { signal, start: 8, end: 99 })).toString()).toBe('89')
      expect(await lake.sizeOf('t/metadata/a', { signal })).toBe(10)
      await lake.remove('t/metadata/a')
      await lake.remove('t/metadata/a')
      expect(await lake.sizeOf('t/metadata/a', { signal })).toBeUndefined()
      expect(await namesIn('t/metadata')).toEqual(['t/metadata/a.b'])
    })

    test('refuses names that lead out of it', async () => {
      const { files } = await open()
      await using lake = files
      for (const name of ['../x', 't/../../x', '/etc/passwd', '']) {
        const refused = { code: 'request.invalid' }
        await expect(lake.read(name, { signal })).rejects.toMatchObject(refused)
        await expect(lake.write(name, Buffer.from('x'), { signal })).rejects.toMatchObject(refused)
        await expect(lake.outbox(name)).rejects.toMatchObject(refused)
        await expect(lake.discard(name, { signal })).rejects.toMatchObject(refused)
      }
    })
  })
})

describe.skipIf(!hasS3Server)('a lake on S3', () => {
  test('keeps nothing of a delivery on this machine, and copies only within the cache', async () => {
    const { files, base } = await onS3()
    await using lake = files
    await writeInto(await lake.outbox('t/data/w1'), 'a', Buffer.from('four'))
    await lake.deliver('t/data/w1', [{ name: 'a', bytes: 4 }], { signal })
    expect(await readdir(join(base, 'one', 'lake', 'outbox'))).toEqual([])
    ;(await lake.lease([{ name: 't/data/w1/a', bytes: 4 }], { signal }))[Symbol.dispose]()
    expect(dirname(lake.pathOf({ name: 't/data/w1/a', bytes: 4 }))).toBe(join(base, 'one', 'cache'))
  })

  test('a delivery that fails tells of the first failure, and can be discarded', async () => {
    const { files } = await onS3()
    await using lake = files
    const outbox = await lake.outbox('t/data/w1')
    const names = ['a', 'b', 'c']
    for (const name of names) await writeInto(outbox, name, Buffer.from('four'))
    proxy.fail({ method: 'PUT', url: /w1\/b/ }, { kind: 'status', status: 403, code: 'AccessDenied' })
    const delivery = lake.deliver(
      't/data/w1',
      names.map((name) => ({ name, bytes: 4 })),
      { signal },
    )
    await expect(delivery).rejects.toMatchObject({ code: 'store.refused' })
    // The store may still end what it had received when we gave it up.
    await expect.poll(() => lake.discard('t/data/w1', { signal })).toBe(0)
  })

  test('what was on its way when a server died is removed when it starts again', async () => {
    const { files, another } = await onS3()
    await using _one = files
    const outbox = await (await another()).outbox('t/data/w1')
    await writeInto(outbox, 'a', Buffer.from('unfinished'))
    await using _again = await another()
    await expect(readdir(outbox)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('a location that is wrong is told at once', async () => {
    await expect(place('s3://no-such-bucket')).rejects.toMatchObject({ code: 'store.refused' })
    await expect(place('s3://NO/x')).rejects.toMatchObject({ code: 'config.invalid' })
  })
})

async function writeInto(folder: string, name: string, content: Buffer): Promise<void> {
  await mkdir(dirname(join(folder, name)), { recursive: true })
  await writeFile(join(folder, name), content)
}
