import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { ObjectStore, ObjectSummary } from '../../src/objects/object-store.ts'

/** A store over an empty location, as one process would open it; `again` opens the same location another time. */
export interface ContractSubject extends AsyncDisposable {
  readonly store: ObjectStore
  again(): Promise<ObjectStore>
}

const signal = new AbortController().signal
const oddNames = [
  'plain.json',
  'with space/a b.csv',
  "quote's/it's.csv",
  'double"quote".csv',
  'percent %20/100%.csv',
  'ünïcödé/日本語/😀.parquet',
  'plus+and&equals=1/date=2026-01-01.json',
  'semi;colon,comma#hash?question.json',
  'back\\slash.json',
  '-dash/--force',
  '.hidden',
  'a.b/.c/d.',
  `${'n'.repeat(200)}.json`,
]

/** Where a kind of store may fall short, and says so. */
export interface ContractTraits {
  /** Names with characters beyond U+FFFF come in the order of their bytes, too. */
  readonly isOrderedBeyondBmp?: boolean
  /** Of several that create one object at the same moment, one is told so. */
  readonly isCreationExclusive?: boolean
  /** Names that this kind cannot keep, and refuses. */
  readonly refusedNames?: RegExp
}

/** What every store must do, run against its real server: see `ObjectStore`. */
export function objectStoreContract(
  kind: string,
  open: () => Promise<ContractSubject>,
  traits: ContractTraits = {},
): void {
  const { isOrderedBeyondBmp = true, isCreationExclusive = true, refusedNames = /^$/ } = traits
  const check = (
    name: string,
    body: (store: ObjectStore, subject: ContractSubject) => Promise<void>,
  ): void => {
    test(name, async () => {
      await using subject = await open()
      await body(subject.store, subject)
    })
  }

  describe(`the object store "${kind}"`, () => {
    check('shows nothing of what is staged until it is completed', async (store) => {
      const token = store.prepare('out/part.json', 'run-1')
      const staged = await store.stage(token, chunks('hello ', 'world'), { signal })
      expect(staged).toEqual({ bytes: 11, sha256: sha256('hello world') })
      expect(await names(store)).toEqual([])
      expect(await store.head('out/part.json', { signal })).toBeUndefined()
      expect(await text(store.readStaged(token, { signal }))).toBe('hello world')
      await store.complete(token, staged, { signal })
      expect(await names(store)).toEqual(['out/part.json'])
      expect(await text(store.read('out/part.json', { signal }))).toBe('hello world')
      expect((await store.head('out/part.json', { signal }))?.bytes).toBe(11)
      await expect(text(store.readStaged(token, { signal }))).rejects.toMatchObject({
        code: 'object.missing',
      })
    })

    check('has used a chunk up when it asks for the next', async (store) => {
      const token = store.prepare('out/part.json', 'run-1')
      const memory = new Uint8Array(700_000)
      async function* refilled() {
        for (let value = 1; value <= 30; value++) yield memory.fill(value)
      }
      const staged = await store.stage(token, refilled(), { signal })
      const hash = createHash('sha256')
      for await (const chunk of store.readStaged(token, { signal })) hash.update(chunk)
      expect({ sha256: hash.digest('hex'), bytes: 21_000_000 }).toEqual(staged)
    })

    check('touches nothing when a token is prepared', async (store) => {
      const token = store.prepare('out/part.json', 'run-1')
      expect(JSON.parse(JSON.stringify(token))).toEqual(token)
      expect(token.id).not.toBe(store.prepare('out/part.json', 'run-1').id)
      await expect(text(store.readStaged(token, { signal }))).rejects.toMatchObject({
        code: 'object.missing',
      })
    })

    check('completes again, and from another process, without a change', async (store, subject) => {
      const token = store.prepare('part', 'run-1')
      const staged = await store.stage(token, chunks('x'), { signal })
      await using other = await subject.again()
      const stored = JSON.parse(JSON.stringify(token))
      await other.complete(stored, staged, { signal })
      const before = await store.head('part', { signal })
      await store.complete(token, staged, { signal })
      await other.complete(stored, staged, { signal })
      expect(await store.head('part', { signal })).toEqual(before)
      expect(await names(store)).toEqual(['part'])
    })

    check('refuses to complete over other bytes', async (store) => {
      await store.putIfAbsent('part', Buffer.from('theirs'), { signal })
      const token = store.prepare('part', 'run-1')
      const staged = await store.stage(token, chunks('ours!!'), { signal })
      await expect(store.complete(token, staged, { signal })).rejects.toMatchObject({ code: 'object.exists' })
      expect(await text(store.read('part', { signal }))).toBe('theirs')
    })

    check('says when there is nothing to complete', async (store) => {
      const token = store.prepare('part', 'run-1')
      const staged = await store.stage(token, chunks('x'), { signal })
      await store.abort(token)
      await expect(store.complete(token, staged, { signal })).rejects.toMatchObject({
        code: 'object.missing',
      })
      expect(await names(store)).toEqual([])
    })

    check('forgets what is aborted, and aborts again without harm', async (store) => {
      const token = store.prepare('a/part', 'run-1')
      await store.stage(token, chunks('x'), { signal })
      await store.abort(token)
      await store.abort(token)
      await store.abort(store.prepare('b/never', 'run-1'))
      await expect(text(store.readStaged(token, { signal }))).rejects.toMatchObject({
        code: 'object.missing',
      })
    })

    check('never touches a visible object when its staging is aborted', async (store) => {
      const token = store.prepare('part', 'run-1')
      const staged = await store.stage(token, chunks('kept'), { signal })
      await store.complete(token, staged, { signal })
      await store.abort(token)
      expect(await text(store.read('part', { signal }))).toBe('kept')
    })

    check('stages one name twice without mixing the two', async (store) => {
      const [first, second] = [store.prepare('part', 'run-1'), store.prepare('part', 'run-2')]
      const stagedFirst = await store.stage(first, chunks('first'), { signal })
      const stagedSecond = await store.stage(second, chunks('second'), { signal })
      expect(await text(store.readStaged(first, { signal }))).toBe('first')
      await store.complete(second, stagedSecond, { signal })
      await expect(store.complete(first, stagedFirst, { signal })).rejects.toMatchObject({
        code: 'object.exists',
      })
      expect(await text(store.read('part', { signal }))).toBe('second')
    })

    check('leaves nothing visible when the stream of bytes breaks off', async (store) => {
      const token = store.prepare('part', 'run-1')
      const breaking = async function* () {
        yield Buffer.alloc(300_000, 'x')
        throw new Error('the source broke')
      }
      await expect(store.stage(token, breaking(), { signal })).rejects.toThrow('the source broke')
      expect(await names(store)).toEqual([])
      await expect(text(store.readStaged(token, { signal }))).rejects.toMatchObject({
        code: 'object.missing',
      })
    })

    check('stops staging when told, with the reason given', async (store) => {
      const token = store.prepare('part', 'run-1')
      const controller = new AbortController()
      const reason = new Error('enough')
      const endless = async function* () {
        for (let count = 0; ; count += 1) {
          if (count === 3) controller.abort(reason)
          yield Buffer.from('x')
        }
      }
      await expect(store.stage(token, endless(), { signal: controller.signal })).rejects.toBe(reason)
      expect(await names(store)).toEqual([])
    })

    check('keeps objects of no bytes', async (store) => {
      const token = store.prepare('empty', 'run-1')
      const staged = await store.stage(token, chunks(), { signal })
      expect(staged).toEqual({ bytes: 0, sha256: sha256('') })
      await store.complete(token, staged, { signal })
      await store.complete(token, staged, { signal })
      expect(await text(store.read('empty', { signal }))).toBe('')
      expect((await store.head('empty', { signal }))?.bytes).toBe(0)
      expect(await store.putIfAbsent('small', new Uint8Array(), { signal })).toBe('created')
      expect((await store.head('small', { signal }))?.bytes).toBe(0)
    })

    const race = isCreationExclusive ? check : () => {}
    race('lets one of twenty racers create an object', async (store, subject) => {
      const others = await Promise.all(Array.from({ length: 4 }, () => subject.again()))
      const stores = [store, ...others]
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, racer) =>
          stores[racer % stores.length]!.putIfAbsent('dir/manifest', Buffer.from(`racer ${racer}`), {
            signal,
          }),
        ),
      )
      expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1)
      expect(await text(store.read('dir/manifest', { signal }))).toBe(`racer ${outcomes.indexOf('created')}`)
      expect(await names(store)).toEqual(['dir/manifest'])
      for (const other of others) await other[Symbol.asyncDispose]()
    })

    check('creates nothing over an object that is there', async (store) => {
      expect(await store.putIfAbsent('a', Buffer.from('1'), { signal })).toBe('created')
      expect(await store.putIfAbsent('a', Buffer.from('22'), { signal })).toBe('exists')
      expect(await text(store.read('a', { signal }))).toBe('1')
    })

    check('lists by prefix, in the order of names', async (store) => {
      const all = [
        'a-b',
        'a0',
        'a/b/c',
        'a/c',
        'B',
        'z',
        ...(isOrderedBeyondBmp ? ['a/\u{FF5E}', 'a/\u{1F600}'] : ['a/\u{FF5E}']),
      ]
      for (const name of all) await store.putIfAbsent(name, Buffer.from(name), { signal })
      await store.stage(store.prepare('a/staged', 'run-1'), chunks('x'), { signal })
      const sorted = [...all].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)))
      expect(await names(store)).toEqual(sorted)
      expect(await names(store, 'a/')).toEqual(sorted.filter((name) => name.startsWith('a/')))
      expect(await names(store, 'a')).toEqual(sorted.filter((name) => name.startsWith('a')))
      expect(await names(store, 'a/b/c')).toEqual(['a/b/c'])
      expect(await names(store, 'nothing/here')).toEqual([])
      for (const summary of await list(store)) {
        expect(summary.bytes).toBe(Buffer.byteLength(summary.name))
        expect(summary.modifiedAt.getTime()).toBeGreaterThan(0)
      }
    })

    check('reads ranges, the end left out', async (store) => {
      const bytes = Buffer.from(Array.from({ length: 700_000 }, (_, index) => index % 251))
      const token = store.prepare('big', 'run-1')
      const staged = await store.stage(token, chunks(bytes.subarray(0, 3), bytes.subarray(3)), { signal })
      await store.complete(token, staged, { signal })
      const ranges = [
        [0, 1],
        [5, 5],
        [699_999, 700_000],
        [1_000, 600_000],
        [699_990, 800_000],
      ] as const
      for (const [start, end] of ranges) {
        const got = await collect(store.read('big', { signal, start, end }))
        expect(got.equals(bytes.subarray(start, end)), `${start} to ${end}`).toBe(true)
      }
      expect((await collect(store.read('big', { signal, start: 650_000 }))).length).toBe(50_000)
      expect((await collect(store.read('big', { signal, end: 7 }))).length).toBe(7)
    })

    check('says that an object is missing', async (store) => {
      await expect(text(store.read('a/b', { signal }))).rejects.toMatchObject({ code: 'object.missing' })
      expect(await store.head('a/b', { signal })).toBeUndefined()
      await store.putIfAbsent('a/b', Buffer.from('x'), { signal })
      await expect(text(store.read('a', { signal }))).rejects.toMatchObject({ code: 'object.missing' })
      expect(await store.head('a', { signal })).toBeUndefined()
    })

    check('deletes an object, and again without harm', async (store) => {
      await store.putIfAbsent('a/b', Buffer.from('x'), { signal })
      await store.delete('a/b')
      await store.delete('a/b')
      await store.delete('never/was')
      expect(await names(store)).toEqual([])
      expect(await store.putIfAbsent('a/b', Buffer.from('y'), { signal })).toBe('created')
    })

    check('keeps odd names as they are', async (store) => {
      const kept = oddNames.filter((name) => !refusedNames.test(name))
      for (const name of oddNames.filter((odd) => refusedNames.test(odd))) {
        const refused = { code: 'request.invalid' }
        expect(() => store.prepare(name, 'run-1')).toThrow(expect.objectContaining(refused))
        await expect(store.putIfAbsent(name, Buffer.from('x'), { signal })).rejects.toMatchObject(refused)
      }
      for (const [index, name] of kept.entries()) {
        const token = store.prepare(name, 'run-1')
        const staged = await store.stage(token, chunks(name), { signal })
        if (index % 2 === 0) await store.complete(token, staged, { signal })
        else {
          await store.abort(token)
          expect(await store.putIfAbsent(name, Buffer.from(name), { signal })).toBe('created')
        }
        expect(await text(store.read(name, { signal }))).toBe(name)
      }
      expect(new Set(await names(store))).toEqual(new Set(kept))
    })

    check('refuses names that lead out of its location', async (store) => {
      const bad = [
        '',
        '/a',
        'a/',
        'a//b',
        '.',
        '..',
        '../a',
        'a/../b',
        'a/./b',
        'a\0b',
        'a\nb',
        'a\u007f',
        '\ud800',
      ]
      for (const name of [...bad, 'n'.repeat(1025)]) {
        expect(() => store.prepare(name, 'run-1'), JSON.stringify(name)).toThrow(
          expect.objectContaining({ code: 'request.invalid' }),
        )
        const refused = { code: 'request.invalid' }
        await expect(store.putIfAbsent(name, Buffer.from('x'), { signal })).rejects.toMatchObject(refused)
        await expect(store.head(name, { signal })).rejects.toMatchObject(refused)
        await expect(text(store.read(name, { signal }))).rejects.toMatchObject(refused)
        await expect(store.delete(name)).rejects.toMatchObject(refused)
      }
      const forged = { ...store.prepare('a', 'run-1'), id: '../../a' }
      await expect(store.stage(forged, chunks('x'), { signal })).rejects.toMatchObject({
        code: 'request.invalid',
      })
      expect(await names(store, '../')).toEqual([])
    })

    check('refuses to create an object too large to be created whole', async (store) => {
      await expect(
        store.putIfAbsent('a', new Uint8Array(8 * 1024 * 1024 + 1), { signal }),
      ).rejects.toMatchObject({
        code: 'request.too_large',
      })
      expect(await names(store)).toEqual([])
    })
  })
}

async function* chunks(...parts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield typeof part === 'string' ? Buffer.from(part) : part
}

/** All that an iterable gives. */
export async function collectAll<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await collectAll(bytes))
}

async function text(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  return (await collect(bytes)).toString()
}

async function list(store: ObjectStore, prefix = ''): Promise<ObjectSummary[]> {
  return await collectAll(store.list(prefix, { signal }))
}

async function names(store: ObjectStore, prefix = ''): Promise<string[]> {
  return (await list(store, prefix)).map((summary) => summary.name)
}

function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex')
}
