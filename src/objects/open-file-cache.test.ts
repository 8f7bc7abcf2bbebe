import { mkdtemp, open, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { fc } from '../../test/support/fast-check.ts'
import { silentLogger } from '#base/log.ts'
import { type FaultProxy, startFaultProxy } from '../../test/support/fault-proxy.ts'
import { hasS3Server, type S3Server, startS3Server } from '../../test/support/s3-server.ts'
import type { CachedObject, FileCache, FileLease } from './file-cache.ts'
import { openLocalStore } from './local/local-store.ts'
import type { ObjectStore } from './object-store.ts'
import { type FileCacheOptions, openFileCache } from './open-file-cache.ts'
import { s3Policy } from './s3/s3-config.ts'
import { openS3Store } from './s3/s3-store.ts'

const signal = new AbortController().signal

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-cache-'))
})
afterAll(() => rm(root, { recursive: true }))

interface Place extends AsyncDisposable {
  readonly folder: string
  readonly store: ObjectStore
  /** Names read, in the order they were begun. */
  readonly reads: string[]
  cache: FileCache
  reopen(options?: Partial<FileCacheOptions>): Promise<void>
  put(name: string, bytes: number): Promise<CachedObject>
  content(object: CachedObject): Buffer
  /** Bytes of the copies on the disk, whole or not. */
  diskBytes(): Promise<number>
}

/** A cache of 100 bytes before a store in another folder. */
async function place(options: Partial<FileCacheOptions> = {}): Promise<Place> {
  const base = await mkdtemp(join(root, 'place-'))
  const folder = join(base, 'cache')
  const store = await openLocalStore({ kind: 'local', folder: join(base, 'store') })
  const reads: string[] = []
  const underWay = new Set<string>()
  const watched: FileCacheOptions['store'] = {
    location: store.location,
    read: async function* (name, readOptions) {
      reads.push(name)
      if (underWay.has(name)) throw new Error(`${name} is read twice at a time.`)
      underWay.add(name)
      try {
        yield* store.read(name, readOptions)
      } finally {
        underWay.delete(name)
      }
    },
  }
  const content = ({ name, bytes }: CachedObject): Buffer => Buffer.alloc(bytes, name)
  const opened = (more: Partial<FileCacheOptions> = {}): Promise<FileCache> =>
    openFileCache({ store: watched, folder, bytesMax: 100, logger: silentLogger, ...options, ...more })
  const at: Place = {
    folder,
    store,
    reads,
    cache: await opened(),
    reopen: async (more) => {
      await at.cache[Symbol.asyncDispose]()
      at.cache = await opened(more)
    },
    put: async (name, bytes) => {
      await store.putIfAbsent(name, content({ name, bytes }), { signal })
      return { name, bytes }
    },
    content,
    diskBytes: async () => {
      const sizes = (await readdir(folder))
        .filter((name) => !name.endsWith('.crc'))
        .map(async (name) => (await stat(join(folder, name))).size)
      return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
    },
    [Symbol.asyncDispose]: async () => await at.cache[Symbol.asyncDispose](),
  }
  return at
}

test('files are fetched once, whole, and stay for the next lease and the next life', async () => {
  await using at = await place()
  const [a, b] = [await at.put('t/a', 10), await at.put('t/b', 20)]
  for (let life = 1; life <= 2; life += 1) {
    for (let time = 1; time <= 2; time += 1) {
      using lease = await at.cache.lease([b, a, b], { signal })
      expect(lease.paths).toEqual([b, a, b].map((object) => at.cache.pathOf(object)))
      expect(await Promise.all(lease.paths.map((path) => readFile(path)))).toEqual(
        [b, a, b].map((object) => at.content(object)),
      )
    }
    await at.reopen()
  }
  expect(at.reads.toSorted()).toEqual(['t/a', 't/b'])
  expect(at.cache.usage()).toEqual({ bytes: 30, heldBytes: 0, fileCount: 2, waitingCount: 0 })
})

test('twenty who want the same files at once cause one fetch of each', async () => {
  await using at = await place()
  const objects = await Promise.all(['a', 'b', 'c'].map((name) => at.put(name, 30)))
  const leases = await Promise.all(Array.from({ length: 20 }, () => at.cache.lease(objects, { signal })))
  expect(at.reads.toSorted()).toEqual(['a', 'b', 'c'])
  expect(at.cache.usage().heldBytes).toBe(90)
  for (const lease of leases) lease[Symbol.dispose]()
  expect(at.cache.usage().heldBytes).toBe(0)
})

test('the least recently used go first, and what is held stays', async () => {
  await using at = await place()
  const [a, b, c, d] = await Promise.all(['a', 'b', 'c', 'd'].map((name) => at.put(name, 30)))
  const once = async (object: CachedObject): Promise<void> =>
    (await at.cache.lease([object], { signal }))[Symbol.dispose]()
  const held = await at.cache.lease([a!], { signal })
  await once(b!)
  await once(c!)
  await once(b!) // Now c is the oldest that nobody holds.
  await once(d!)
  expect(await present(at, [a!, b!, c!, d!])).toEqual(['a', 'b', 'd'])
  held[Symbol.dispose]()
  held[Symbol.dispose]()
  await once(c!)
  expect(await present(at, [a!, b!, c!, d!])).toEqual(['a', 'c', 'd'])
})

test('the order of use survives a restart', async () => {
  await using at = await place()
  const objects = await Promise.all(['a', 'b', 'c'].map((name) => at.put(name, 30)))
  ;(await at.cache.lease(objects, { signal }))[Symbol.dispose]()
  const hour = 3_600
  for (const [index, object] of objects.entries()) {
    await utimes(at.cache.pathOf(object), 2 * hour - index * hour, 2 * hour - index * hour)
  }
  await at.reopen({ bytesMax: 65 })
  expect(await present(at, objects)).toEqual(['a', 'b'])
})

test('who finds no room waits, in turn, until there is some, or until told to stop', async () => {
  await using at = await place()
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => at.put(name, 60)))
  const first = await at.cache.lease([a!], { signal })
  const controller = new AbortController()
  const reason = new Error('enough')
  const second = at.cache.lease([b!], { signal: controller.signal })
  const third = at.cache.lease([c!], { signal })
  expect(at.cache.usage()).toMatchObject({ waitingCount: 2, heldBytes: 60, bytes: 60 })
  controller.abort(reason)
  await expect(second).rejects.toBe(reason)
  first[Symbol.dispose]()
  using lease = await third
  expect(await readFile(lease.paths[0]!)).toEqual(at.content(c!))
  expect(at.reads).toEqual(['a', 'c'])
  expect(await at.diskBytes()).toBe(60)
})

test('files that can never have room together are refused, by the name of the setting', async () => {
  await using at = await place()
  const objects = [await at.put('a', 60), await at.put('b', 41)]
  await expect(at.cache.lease(objects, { signal })).rejects.toMatchObject({
    code: 'query.scan_too_large',
    hint: expect.stringContaining('lake.cacheBytes'),
  })
  expect(at.reads).toEqual([])
})

test.each([
  ['other bytes', (path: string) => writeFile(path, Buffer.alloc(30, 'z'))],
  ['fewer bytes', (path: string) => truncate(path, 29)],
  ['another checksum beside it', (path: string) => writeFile(`${path}.crc`, '1\n')],
  ['no file at all', (path: string) => rm(path)],
])('a copy with %s is found and fetched again, in this life and in the next', async (what, damage) => {
  await using at = await place()
  const a = await at.put('a', 30)
  ;(await at.cache.lease([a], { signal }))[Symbol.dispose]()
  await damage(at.cache.pathOf(a))
  const isNoticedNow = what !== 'another checksum beside it'
  if (isNoticedNow) {
    using lease = await at.cache.lease([a], { signal })
    expect(await readFile(lease.paths[0]!)).toEqual(at.content(a))
    await damage(at.cache.pathOf(a))
  }
  await at.reopen()
  using lease = await at.cache.lease([a], { signal })
  expect(await readFile(lease.paths[0]!)).toEqual(at.content(a))
  expect(at.reads.length).toBe(isNoticedNow ? 3 : 2)
})

test('an object that is gone or of another size fails its lease alone, and leaves nothing', async () => {
  await using at = await place()
  const a = await at.put('a', 30)
  const missing = at.cache.lease([a, { name: 'gone', bytes: 5 }], { signal })
  await expect(missing).rejects.toMatchObject({ code: 'object.missing' })
  // The fetching of the other file ends soon after the lease was refused, not before.
  await vi.waitFor(() => expect(at.cache.usage()).toMatchObject({ heldBytes: 0 }), 30_000)
  for (const bytes of [29, 31]) {
    await expect(at.cache.lease([{ name: 'a', bytes }], { signal })).rejects.toMatchObject({
      code: 'store.corrupt',
    })
  }
  expect(at.cache.usage()).toMatchObject({ heldBytes: 0 })
  using lease = await at.cache.lease([a], { signal })
  expect(await readFile(lease.paths[0]!)).toEqual(at.content(a))
  expect(await at.diskBytes()).toBe(30)
})

test('what a crash left is removed, what is not ours stays', async () => {
  await using at = await place()
  const a = await at.put('a', 30)
  ;(await at.cache.lease([a], { signal }))[Symbol.dispose]()
  const path = at.cache.pathOf(a)
  await writeFile(`${path}.part-00000000-0000-0000-0000-000000000000`, 'x')
  await writeFile(join(at.folder, `${'0'.repeat(32)}-5.crc`), '1')
  await writeFile(join(at.folder, `${'1'.repeat(32)}-5`), 'torn')
  await writeFile(join(at.folder, 'notes.txt'), 'mine')
  await at.reopen()
  const names = await readdir(at.folder)
  expect(names.filter((name) => !path.endsWith(name.replace('.crc', '')))).toEqual(['notes.txt'])
})

test('a full disk gives up unused copies first, and is then said as such', async () => {
  let isFull = 0
  const fileSystem = {
    open: async (path: string, flags: string, mode: number) => {
      if (isFull === 0) return await open(path, flags, mode)
      isFull -= 1
      await (await open(path, flags, mode)).close()
      return await open('/dev/full', 'w')
    },
  } as NonNullable<FileCacheOptions['fileSystem']>
  await using at = await place({ fileSystem })
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => at.put(name, 30)))
  ;(await at.cache.lease([a!, b!], { signal }))[Symbol.dispose]()
  isFull = 1
  {
    using lease = await at.cache.lease([c!], { signal })
    expect(await readFile(lease.paths[0]!)).toEqual(at.content(c!))
  }
  expect(await present(at, [a!, b!, c!])).toEqual(['b', 'c'])
  isFull = Number.POSITIVE_INFINITY
  await expect(at.cache.lease([a!], { signal })).rejects.toMatchObject({
    code: 'store.full',
    hint: expect.stringContaining('lake.cacheFolder'),
  })
  expect(await at.diskBytes()).toBe(0)
})

test('whatever is leased, released, damaged and restarted, files are right and the bound holds', async () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const sizes = [10, 20, 25, 30, 40, 70]
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('lease' as const),
        of: fc.subarray(names, { minLength: 1, maxLength: 2 }),
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('release' as const), index: fc.nat(9) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('damage' as const), of: fc.constantFrom(...names) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) => {
      await using at = await place()
      const objects = new Map<string, CachedObject>()
      for (const [index, name] of names.entries()) objects.set(name, await at.put(name, sizes[index]!))
      const open: { of: readonly CachedObject[]; lease: FileLease }[] = []
      /** What should be there, the least recently used first. */
      let model: CachedObject[] = []
      const isHeld = (object: CachedObject): boolean => open.some(({ of }) => of.includes(object))
      const sum = (some: Iterable<CachedObject>): number =>
        Array.from(some).reduce((all, { bytes }) => all + bytes, 0)
      const toEnd = (some: readonly CachedObject[]): void => {
        for (const object of some) model = [...model.filter((other) => other !== object), object]
      }
      for (const taken of steps) {
        switch (taken.kind) {
          case 'lease': {
            const of = taken.of.map((name) => objects.get(name)!)
            const after = new Set([...open.flatMap(({ of }) => of), ...of])
            if (sum(of) > 100) {
              await expect(at.cache.lease(of, { signal })).rejects.toMatchObject({
                code: 'query.scan_too_large',
              })
            } else if (sum(after) > 100) {
              const controller = new AbortController()
              const waiting = at.cache.lease(of, { signal: controller.signal })
              controller.abort(new Error('enough'))
              await expect(waiting).rejects.toThrow('enough')
            } else {
              open.push({ of, lease: await at.cache.lease(of, { signal }) })
              toEnd(of)
              for (const object of model) {
                if (sum(model) > 100 && !isHeld(object)) model = model.filter((other) => other !== object)
              }
            }
            break
          }
          case 'release': {
            const [released] = open.splice(taken.index % Math.max(1, open.length), 1)
            released?.lease[Symbol.dispose]()
            toEnd(released?.of ?? [])
            break
          }
          case 'damage': {
            const object = objects.get(taken.of)!
            if (!model.includes(object) || isHeld(object)) break
            await writeFile(at.cache.pathOf(object), Buffer.alloc(object.bytes, '!'))
            break
          }
          case 'restart':
            if (open.length === 0) {
              // As time would have it between uses; the test's are within a tick.
              for (const [index, object] of model.entries())
                await utimes(at.cache.pathOf(object), index, index)
              await at.reopen()
            }
            break
        }
        expect(await at.diskBytes()).toBeLessThanOrEqual(100)
        expect(await present(at, objects.values())).toEqual(model.map(({ name }) => name).toSorted())
        expect(at.cache.usage().heldBytes).toBe(sum(new Set(open.flatMap(({ of }) => of))))
        for (const { of, lease } of open) {
          for (const [index, path] of lease.paths.entries()) {
            expect(await readFile(path)).toEqual(at.content(of[index]!))
          }
        }
      }
    }),
    { numRuns: 60 },
  )
})

test('many at once, some of whom give up: all others get right files, and the bound holds throughout', async () => {
  await using at = await place()
  const objects = await Promise.all(
    Array.from({ length: 12 }, (_, index) => at.put(`o${index}`, 5 + ((index * 7) % 40))),
  )
  let bytesMax = 0
  const over = new AbortController()
  const watching = (async () => {
    while (!over.signal.aborted) bytesMax = Math.max(bytesMax, await at.diskBytes().catch(() => 0))
  })()
  const outcomes = await Promise.all(
    Array.from({ length: 80 }, async (_, index) => {
      const of = [objects[index % 12]!, objects[(index * 5 + 3) % 12]!]
      const controller = new AbortController()
      if (index % 4 === 0) setTimeout(() => controller.abort(new Error('enough')), index % 9)
      try {
        using lease = await at.cache.lease(of, { signal: controller.signal })
        const read = await Promise.all(lease.paths.map((path) => readFile(path)))
        return read.every((bytes, place) => bytes.equals(at.content(of[place]!))) ? 'right' : 'wrong'
      } catch (error) {
        return index % 4 === 0 && (error as Error).message === 'enough' ? 'gave up' : error
      }
    }),
  )
  over.abort()
  await watching
  expect(outcomes.filter((outcome) => outcome !== 'right' && outcome !== 'gave up')).toEqual([])
  expect(outcomes.filter((outcome) => outcome === 'right').length).toBeGreaterThanOrEqual(60)
  expect(bytesMax).toBeLessThanOrEqual(100)
  expect(at.cache.usage()).toMatchObject({ heldBytes: 0, waitingCount: 0 })
})

describe.skipIf(!hasS3Server)('before S3', () => {
  let server: S3Server
  let proxy: FaultProxy
  beforeAll(async () => {
    server = await startS3Server()
    proxy = await startFaultProxy(server.endpoint)
  })
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  test.each([
    ['breaks off', { kind: 'truncated', afterBytes: 1_000_000 }],
    ['is damaged', { kind: 'corrupt', atByte: 8_500_000 }],
    ['is refused by a busy store', { kind: 'status', status: 503, code: 'SlowDown' }],
  ] as const)('a file whose fetching %s is right in the end', async (_, fault) => {
    const bucket = await server.makeBucket()
    await using store = await openS3Store(
      { kind: 's3', bucket, prefix: 'lake', region: server.region, endpoint: proxy.endpoint },
      { credentials: server.credentials, policy: { ...s3Policy, firstWaitMs: 1 } },
    )
    const bytes = Buffer.alloc(9_000_000, 'some rows')
    await store.create('t/data.parquet', whole(bytes), { signal })
    await using cache = await openFileCache({
      store,
      folder: await mkdtemp(join(root, 's3-')),
      bytesMax: 10_000_000,
      logger: silentLogger,
    })
    proxy.fail({ method: 'GET', url: /data\.parquet/ }, fault)
    using lease = await cache.lease([{ name: 't/data.parquet', bytes: bytes.length }], { signal })
    expect((await readFile(lease.paths[0]!)).equals(bytes)).toBe(true)
  })
})

async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function present(at: Place, objects: Iterable<CachedObject>): Promise<string[]> {
  const names = await readdir(at.folder)
  return Array.from(objects)
    .filter((object) => names.some((name) => at.cache.pathOf(object).endsWith(`/${name}`)))
    .map(({ name }) => name)
    .toSorted()
}
