import fs from 'node:fs'
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { fc } from './support/fast-check.ts'
import { listPage, type ListRequest } from '../src/http/landing/list-objects.ts'
import { keysBelow } from '../src/http/landing/send-list.ts'
import { zoneIn } from '../src/exports/landing/zone-in.ts'
import { openFolderStore } from '../src/objects/open-store.ts'
import { s3Policy } from '../src/objects/s3/s3-config.ts'
import { openS3Store } from '../src/objects/s3/s3-store.ts'
import { stagingName } from '../src/objects/staging-name.ts'
import { hasS3Server, type S3Server, startS3Server } from './support/s3-server.ts'

const { signal } = new AbortController()
const staging = stagingName('a', { name: 'a', owner: 'run', id: crypto.randomUUID() })

let server: S3Server
beforeAll(async () => {
  if (hasS3Server) server = await startS3Server()
})
afterAll(() => server?.[Symbol.asyncDispose]())

/** As `zoneOf`, in a bucket; keys that a file system cannot have beside each other are not there. */
async function zoneInBucket(names: readonly string[]) {
  const bucket = await server.makeBucket()
  const root = 'landing/zone'
  const { region, endpoint, credentials } = server
  const config = { kind: 's3', bucket, prefix: 'landing', region, endpoint } as const
  // Pages so small that most lists have several, and end within folders.
  const store = await openS3Store(config, { credentials, policy: { ...s3Policy, listedAtOnce: 2 } })
  const kept: string[] = []
  for (const name of new Set(names.filter((name) => !name.endsWith('/')))) {
    const isBeside = kept.some((key) => key.startsWith(`${name}/`) || name.startsWith(`${key}/`))
    if (isBeside) continue
    await store.putIfAbsent(`zone/${name}`, Buffer.from(name), { signal })
    kept.push(name)
  }
  const folders = new Set(kept.map((name) => dirname(join(root, name))))
  for (const folder of [root, ...folders]) {
    const at = await openS3Store({ ...config, prefix: folder }, { credentials })
    await at.stage(at.prepare('a', 'run'), Readable.from([Buffer.from('under way')]), { signal })
    await at[Symbol.asyncDispose]()
  }
  const { listBehind } = zoneIn(store, 'zone/')
  const zone = { folder: 'prod', list: listBehind }
  const page = async (request: ListRequest) => await listPage(keysBelow(zone, request, signal), request)
  const keys = kept.map((name) => `prod/${name}`)
  return { keys, page, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() }
}

/** A landing zone with these files, and one that is under way in every folder; a name with a slash at its end is a folder. */
async function zoneOf(names: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-landing-'))
  const store = await openFolderStore(folder)
  const kept: string[] = []
  for (const name of names) {
    const path = join(folder, name)
    const home = name.endsWith('/') ? path : dirname(path)
    try {
      await mkdir(home, { recursive: true })
      await writeFile(join(home, staging), '')
      if (name.endsWith('/') || (await stat(path).catch(() => undefined))?.isDirectory()) continue
      await writeFile(path, name)
    } catch {
      continue // What is a file is no folder.
    }
    kept.push(`prod/${name}`)
  }
  const zone: Parameters<typeof keysBelow>[0] = {
    folder: 'prod',
    list: (prefix, options) => store.listBehind(prefix, options),
  }
  const page = async (request: ListRequest) => await listPage(keysBelow(zone, request, signal), request)
  return { keys: kept, page, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

/** What S3's reference says of a list, of all keys at once. */
function modelOf(keys: readonly string[], { prefix, delimiter, after, keysMax }: ListRequest) {
  const bytes = (text: string) => Buffer.from(text)
  const entries = keys
    .filter((key) => key.startsWith(prefix) && Buffer.compare(bytes(key), bytes(after)) > 0)
    .toSorted((one, other) => Buffer.compare(bytes(one), bytes(other)))
    .map((key) => {
      const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
      return at < 0 ? { key } : { folder: key.slice(0, at + delimiter.length) }
    })
    .filter(({ folder }) => folder === undefined || folder !== after)
  const all = [...new Map(entries.map((entry) => [entry.key ?? entry.folder ?? '', entry]))]
  const some = keysMax === 0 ? [] : all.slice(0, keysMax)
  return {
    objects: some.flatMap(([, { key }]) => (key === undefined ? [] : [key])),
    prefixes: some.flatMap(([, { folder }]) => (folder === undefined ? [] : [folder])),
    next: keysMax > 0 && all.length > keysMax ? some.at(-1)?.[0] : undefined,
  }
}

const part = fc.constantFrom('a', 'b', 'a-b', 'a0', 'ä', '\u{FFFD}', '\u{10FFFF}', '😀', 'a b')
const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const names = fc.array(
  fc.oneof(
    name,
    name.map((folder) => `${folder}/`),
  ),
  { maxLength: 14 },
)
const place = fc
  .tuple(
    fc.constantFrom('', 'p', 'prod', 'prod/', 'prod0', 'q'),
    fc.option(name, { nil: '' }),
    fc.constantFrom('', '/', '-'),
  )
  .map(([start, inner, end]) => (start === 'prod/' ? `${start}${inner}${end}` : start))
const requests = fc.array(
  fc.record({
    prefix: place,
    delimiter: fc.constantFrom('', '/', '/', '-', 'b/'),
    after: place,
    keysMax: fc.integer({ min: 0, max: 4 }),
  }),
  { minLength: 1, maxLength: 25 },
)

const kinds = [
  { kind: 'a folder', open: zoneOf, numRuns: 60, isThere: true },
  { kind: 'a bucket', open: zoneInBucket, numRuns: 40, isThere: hasS3Server },
]

test.each(kinds.filter(({ isThere }) => isThere))(
  'in $kind: whatever is asked for, and page by page, a list is what S3 says it is',
  {
    timeout: 300_000,
  },
  async ({ open, numRuns }) => {
    await fc.assert(
      fc.asyncProperty(names, requests, async (files, all) => {
        await using zone = await open(files)
        for (const request of all) {
          let next: string | undefined = request.after
          for (let pages = 0; next !== undefined && pages < 20; pages += 1) {
            const asked: ListRequest = { ...request, after: next }
            const { objects, prefixes, ...page } = await zone.page(asked)
            const found = { objects: objects.map((object) => object.name), prefixes, next: page.next }
            expect({ asked, ...found }).toEqual({ asked, ...modelOf(zone.keys, asked) })
            next = page.next
          }
        }
      }),
      { numRuns },
    )
  },
)

test('what comes before a page is not looked at, and no folder is entered that stands for its files', async () => {
  const files = ['a', 'b', 'c'].flatMap((folder) =>
    Array.from({ length: 30 }, (_, index) => `${folder}/${index + 10}/file`),
  )
  await using zone = await zoneOf(files)
  const looked = vi.spyOn(fs.promises, 'lstat')
  const read = vi.spyOn(fs.promises, 'readdir')
  const restore = () => {
    vi.restoreAllMocks()
    syncBuiltinESMExports()
  }
  onTestFinished(restore)
  syncBuiltinESMExports()
  const asked = { prefix: 'prod/', delimiter: '', after: 'prod/b/38/file', keysMax: 2 }
  const page = await zone.page(asked)
  expect(page.objects.map((object) => object.name)).toEqual(['prod/b/39/file', 'prod/c/10/file'])
  expect(looked).toHaveBeenCalledTimes(3)
  expect(read.mock.calls.length).toBeLessThan(9)
  looked.mockClear()
  read.mockClear()
  const shallow = { prefix: 'prod/b/', delimiter: '/', after: 'prod/b/36/', keysMax: 100 }
  expect((await zone.page(shallow)).prefixes).toEqual(['prod/b/37/', 'prod/b/38/', 'prod/b/39/'])
  expect([looked.mock.calls.length, read.mock.calls.length]).toEqual([0, 2])
})

test.skipIf(!hasS3Server)(
  'of a bucket no page is asked for before the list begins or in a folder that is passed over',
  async () => {
    const files = ['a', 'b', 'c'].flatMap((folder) =>
      Array.from({ length: 6 }, (_, index) => `${folder}/${index}/file`),
    )
    await using zone = await zoneInBucket(files)
    const asked = vi.spyOn(S3Client.prototype, 'send')
    onTestFinished(() => asked.mockRestore())
    const deep = { prefix: 'prod/', delimiter: '', after: 'prod/b/4/file', keysMax: 2 }
    expect((await zone.page(deep)).objects.map((object) => object.name)).toEqual([
      'prod/b/5/file',
      'prod/c/0/file',
    ])
    expect(asked.mock.calls.length).toBeLessThan(4)
    asked.mockClear()
    const shallow = { prefix: 'prod/', delimiter: '/', after: '', keysMax: 100 }
    expect((await zone.page(shallow)).prefixes).toEqual(['prod/a/', 'prod/b/', 'prod/c/'])
    expect(asked.mock.calls.length).toBeLessThan(8) // There are 40 keys, and pages of two.
  },
)
