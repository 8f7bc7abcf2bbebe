import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { type Chain, deliver, newChain, newKey } from '../../../test/support/deliveries.ts'
import { type MemoryStore, memoryStore } from '../../../test/support/memory-store.ts'
import { type ManifestBody, readManifest, signManifest } from '../manifests/manifest.ts'
import { parseManifestName } from '../manifests/names.ts'
import { findRestorable, type RestoreRequest } from './restorable.ts'
import { keyIdOf } from '../manifests/signing-key.ts'

const { signal } = new AbortController()

const look = (store: MemoryStore, request: Partial<RestoreRequest> = {}) =>
  findRestorable({ store, signal, request: { isAsDelivered: false, ...request } })

interface Run {
  readonly rows: number
  readonly after: number
  readonly through: number
  readonly content?: ManifestBody['content']
  /** Where the increments stand after it, when it lies beside them. */
  readonly watermark?: number
  /** To which commit the source was set back before it. */
  readonly resetTo?: number
  readonly repeats?: string
  /** Rows of the table then. */
  readonly table?: number
  readonly skipped?: number
  readonly change?: Partial<ManifestBody>
}

const hash = '0'.repeat(64)

/** Delivers a run of the range of commits; returns its manifest's name. */
function run(store: MemoryStore, chain: Chain, run: Run): string {
  const before = chain.head
  const { rows, after, through, watermark, resetTo, repeats, table, skipped } = run
  return deliver(store, chain, rows === 0 ? [] : [rows], {
    content: run.content ?? (after === 0 ? 'full' : 'increment'),
    chain: {
      number: (before?.number ?? 0) + 1,
      ...(before ? { previous: { sha256: before.sha256, isElsewhere: false } } : {}),
      ...(watermark === undefined ? {} : { watermark }),
      ...(resetTo === undefined ? {} : { resetTo }),
    },
    ...(repeats === undefined ? {} : { repeats }),
    source: {
      tableId: '11111111-1111-4111-8111-111111111111',
      afterSequence: after,
      throughSequence: through,
      ...(table === undefined ? {} : { tableRowCount: table }),
      ...(skipped === undefined ? {} : { skippedRowCount: skipped }),
      queryFingerprint: hash,
    },
    ...run.change,
  })
}

/** What is used of each delivery, and what is wrong. */
async function outcome(store: MemoryStore, request: Partial<RestoreRequest> = {}) {
  const { deliveries, rowCount, findings, isRight } = await look(store, request)
  return {
    uses: deliveries.map(({ use }) => use),
    rowCount,
    isRight,
    codes: findings.map(({ code }) => code),
  }
}

const runIdOf = (name: string) => parseManifestName(name)!.runId
const partsOf = (store: MemoryStore, name: string) =>
  readManifest(store.objects.get(name)!).manifest.files.map((file) => file.name)

test('everything and the increments after it are the dataset, empty ones too', async () => {
  const [store, chain] = [memoryStore(), newChain()]
  run(store, chain, { rows: 10, after: 0, through: 3, table: 10 })
  run(store, chain, { rows: 0, after: 3, through: 3, table: 10 })
  run(store, chain, { rows: 5, after: 3, through: 4, table: 15 })
  expect(await outcome(store)).toEqual({
    uses: ['loaded', 'loaded', 'loaded'],
    rowCount: 15,
    isRight: true,
    codes: [],
  })
  expect(await outcome(store, { through: 2 })).toMatchObject({ rowCount: 10, isRight: true })
  expect(await outcome(store, { through: 9 })).toMatchObject({ isRight: false, codes: ['chain.unknown'] })
})

test('what came before the newest delivery of everything is not needed, and may be gone', async () => {
  const [store, chain] = [memoryStore(), newChain()]
  const first = run(store, chain, { rows: 10, after: 0, through: 3, table: 10 })
  const second = run(store, chain, { rows: 5, after: 3, through: 4, table: 15 })
  run(store, chain, { rows: 15, after: 0, through: 4, content: 'full', table: 15 })
  run(store, chain, { rows: 2, after: 4, through: 5, table: 17 })
  const whole = { rowCount: 17, isRight: true, codes: [] }
  expect(await outcome(store)).toEqual({ uses: ['superseded', 'superseded', 'loaded', 'loaded'], ...whole })
  for (const name of [...partsOf(store, first), first]) store.objects.delete(name)
  store.objects.set(second, Buffer.from('torn'))
  expect(await outcome(store)).toMatchObject({ rowCount: 17, isRight: true, uses: ['loaded', 'loaded'] })
})

test('a run that was delivered again counts once, as it came last', async () => {
  const [store, chain] = [memoryStore(), newChain()]
  run(store, chain, { rows: 10, after: 0, through: 3, table: 10 })
  const second = run(store, chain, { rows: 5, after: 3, through: 4, table: 15 })
  const again = { rows: 5, after: 3, through: 4, watermark: 4, repeats: runIdOf(second), table: 15 }
  run(store, chain, again)
  run(store, chain, { ...again, watermark: 4 })
  run(store, chain, { rows: 1, after: 4, through: 5, table: 16 })
  const uses = ['loaded', 'repeated', 'repeated', 'loaded', 'loaded']
  expect(await outcome(store)).toEqual({ uses, rowCount: 16, isRight: true, codes: [] })
  // What made somebody ask for it again.
  for (const name of partsOf(store, second)) store.objects.delete(name)
  expect(await outcome(store)).toEqual({ uses, rowCount: 16, isRight: true, codes: [] })
})

test('what a source lost when it was restored from a backup is left out, where it was delivered by itself', async () => {
  const [store, chain] = [memoryStore(), newChain()]
  const second = { rows: 5, after: 3, through: 5, table: 15 }
  run(store, chain, { rows: 10, after: 0, through: 3, table: 10 })
  const repeats = runIdOf(run(store, chain, second))
  run(store, chain, { rows: 4, after: 5, through: 6, table: 19 })
  const whole = { rowCount: 19, isRight: true, codes: [] }
  expect(await outcome(store)).toEqual({ uses: ['loaded', 'loaded', 'loaded'], ...whole })
  // Whatever the first delivery after it is.
  run(store, chain, { ...second, watermark: 5, resetTo: 5, repeats, table: 15 })
  run(store, chain, { rows: 2, after: 5, through: 6, table: 17 })
  const uses = ['loaded', 'repeated', 'undone', 'loaded', 'loaded']
  expect(await outcome(store)).toEqual({ uses, rowCount: 17, isRight: true, codes: ['chain.reset'] })
  expect(await outcome(store, { through: 3 })).toEqual({ uses: ['loaded', 'loaded', 'loaded'], ...whole })
  // Once more, to before everything.
  run(store, chain, { rows: 1, after: 0, through: 1, content: 'increment', resetTo: 0, table: 1 })
  expect(await outcome(store)).toMatchObject({ rowCount: 1, isRight: true, codes: [] })
})

test('a delivery that holds rows that the source lost among others is told of, until all is delivered once more', async () => {
  const [store, chain] = [memoryStore(), newChain()]
  run(store, chain, { rows: 10, after: 0, through: 3, table: 10 })
  run(store, chain, { rows: 5, after: 3, through: 5, table: 15 })
  run(store, chain, { rows: 0, after: 4, through: 4, resetTo: 4, table: 12 })
  run(store, chain, { rows: 2, after: 4, through: 5, table: 14 })
  const told = { uses: Array.from({ length: 4 }, () => 'loaded'), rowCount: 17 }
  expect(await outcome(store)).toEqual({ ...told, isRight: false, codes: ['chain.reset', 'rows.removed'] })
  expect(await outcome(store, { isAsDelivered: true })).toMatchObject({ ...told, isRight: true })
  run(store, chain, { rows: 14, after: 0, through: 5, table: 14 })
  expect(await outcome(store)).toMatchObject({ rowCount: 14, isRight: true, codes: [] })
  // A delivery of everything is no other.
  const [other, its] = [memoryStore(), newChain()]
  run(other, its, { rows: 10, after: 0, through: 3, table: 10 })
  run(other, its, { rows: 1, after: 2, through: 3, resetTo: 2, table: 9 })
  expect(await outcome(other)).toMatchObject({ isRight: false, rowCount: 11 })
})

test('the newest delivery of everything counts, also when its home was set back to fewer commits', async () => {
  const [store, chain] = [memoryStore(), newChain()]
  run(store, chain, { rows: 10, after: 0, through: 50, table: 10 })
  run(store, chain, { rows: 7, after: 0, through: 41, table: 7 })
  expect(await outcome(store)).toEqual({
    uses: ['superseded', 'loaded'],
    rowCount: 7,
    isRight: true,
    codes: [],
  })
  run(store, chain, { rows: 2, after: 41, through: 42, table: 9 })
  expect(await outcome(store)).toMatchObject({ uses: ['superseded', 'loaded', 'loaded'], rowCount: 9 })
  expect(await outcome(store, { through: 1 })).toMatchObject({ rowCount: 10, isRight: true })
  const back = () => {
    const [store, chain] = [memoryStore(), newChain()]
    run(store, chain, { rows: 10, after: 0, through: 30, table: 10 })
    run(store, chain, { rows: 5, after: 30, through: 50, table: 15 })
    return { store, chain }
  }
  const whole = back()
  run(whole.store, whole.chain, { rows: 13, after: 0, through: 47, table: 13 })
  expect(await outcome(whole.store)).toEqual({
    uses: ['superseded', 'superseded', 'loaded'],
    rowCount: 13,
    isRight: true,
    codes: [],
  })
  // Of the rows of before some are of commits that were lost; which is not known.
  const further = back()
  run(further.store, further.chain, { rows: 3, after: 40, through: 47, table: 13 })
  expect((await outcome(further.store)).codes).toEqual(['chain.incomplete', 'chain.range'])
})

test('what is delivered again is as old as it was', async () => {
  const make = () => {
    const [store, chain] = [memoryStore(), newChain()]
    const first = run(store, chain, { rows: 10, after: 0, through: 5, table: 10 })
    run(store, chain, { rows: 4, after: 5, through: 6, table: 14 })
    const again = { rows: 10, after: 0, through: 5, repeats: runIdOf(first), table: 10 }
    return { store, chain, first, again }
  }
  const whole = { isRight: true, codes: [] as string[] }
  const under = make()
  run(under.store, under.chain, { ...under.again, watermark: 6 })
  const both = { ...whole, rowCount: 14, codes: ['object.unnamed'], uses: ['loaded', 'loaded'] }
  expect(await outcome(under.store)).toEqual({ ...both, codes: [], uses: ['repeated', 'loaded', 'loaded'] })
  expect((await look(under.store)).files.map(({ rowCount }) => rowCount)).toEqual([10, 4])
  under.store.objects.delete(under.first)
  expect(await outcome(under.store)).toEqual(both)
  // The increment's first manifest is lost as well, and it is delivered again after the first.
  const lost = make()
  const increment = [...lost.store.objects.keys()].find((name) => name.includes('manifest-000002'))!
  run(lost.store, lost.chain, { ...lost.again, watermark: 6 })
  const incrementAgain = {
    rows: 4,
    after: 5,
    through: 6,
    watermark: 6,
    repeats: runIdOf(increment),
    table: 14,
  }
  run(lost.store, lost.chain, incrementAgain)
  for (const name of [lost.first, increment]) lost.store.objects.delete(name)
  expect(await outcome(lost.store)).toEqual(both)
  const over = make()
  run(over.store, over.chain, { rows: 3, after: 0, through: 7, content: 'full', table: 3 })
  run(over.store, over.chain, { ...over.again, watermark: 7 })
  const newer = { ...whole, rowCount: 3, uses: ['repeated', 'superseded', 'loaded', 'superseded'] }
  expect(await outcome(over.store)).toEqual(newer)
  over.store.objects.delete(over.first)
  expect(await outcome(over.store)).toMatchObject({
    isRight: true,
    rowCount: 3,
    uses: ['superseded', 'loaded', 'superseded'],
  })
})

test('windows of record time lie beside what is restored, unless nothing holds everything', async () => {
  const [store, chain] = [memoryStore(), newChain()]
  run(store, chain, { rows: 10, after: 0, through: 3, table: 10 })
  run(store, chain, { rows: 4, after: 0, through: 3, content: 'window', watermark: 3 })
  run(store, chain, { rows: 5, after: 3, through: 4, table: 15 })
  expect(await outcome(store)).toEqual({
    uses: ['loaded', 'beside', 'loaded'],
    rowCount: 15,
    isRight: true,
    codes: [],
  })
  const [backfilled, late] = [memoryStore(), newChain()]
  run(backfilled, late, { rows: 2, after: 7, through: 8, table: 12 })
  expect(await outcome(backfilled)).toMatchObject({ isRight: false, codes: ['rows.before'] })
  expect(await outcome(backfilled, { isAsDelivered: true })).toMatchObject({ isRight: true, rowCount: 2 })
  run(backfilled, late, { rows: 6, after: 0, through: 7, content: 'window', watermark: 8 })
  expect(await outcome(backfilled)).toMatchObject({ isRight: false, rowCount: 8, codes: ['rows.before'] })
  run(backfilled, late, { rows: 4, after: 0, through: 7, content: 'window', watermark: 8 })
  // As many rows as the source had, but not for sure the same.
  expect(await outcome(backfilled)).toEqual({
    uses: ['loaded', 'loaded', 'loaded'],
    rowCount: 12,
    isRight: true,
    codes: ['rows.before'],
  })
})

test('windows alone are restored as they were delivered', async () => {
  const [store, chain] = [memoryStore(), newChain()]
  run(store, chain, { rows: 6, after: 0, through: 7, content: 'window', watermark: 7 })
  run(store, chain, { rows: 4, after: 0, through: 7, content: 'window', watermark: 7 })
  const uses = ['loaded', 'loaded']
  const told = { uses, rowCount: 10, codes: ['rows.before'] }
  expect(await outcome(store)).toEqual({ ...told, isRight: false })
  expect((await look(store)).findings[0]?.message).toContain('Only windows')
  expect(await outcome(store, { isAsDelivered: true })).toEqual({ ...told, isRight: true })
  // Their increments are known of, and are not here.
  store.objects.delete(run(store, chain, { rows: 2, after: 7, through: 8, table: 12 }))
  run(store, chain, { rows: 1, after: 0, through: 7, content: 'window', watermark: 8 })
  expect((await outcome(store, { isAsDelivered: true })).codes).toEqual([
    'chain.incomplete',
    'chain.gap',
    'rows.before',
    'object.unnamed',
  ])
})

test('rows that the source lost since, or that were too old for the export, are said and not made up', async () => {
  const [store, chain] = [memoryStore(), newChain()]
  run(store, chain, { rows: 10, after: 0, through: 3, table: 10 })
  run(store, chain, { rows: 5, after: 3, through: 5, table: 12 })
  expect(await outcome(store)).toMatchObject({ isRight: false, codes: ['rows.removed'] })
  const asDelivered = await outcome(store, { isAsDelivered: true })
  expect(asDelivered).toMatchObject({ isRight: true, rowCount: 15, codes: ['rows.removed'] })
  const [uncounted, early] = [memoryStore(), newChain()]
  run(uncounted, early, { rows: 10, after: 0, through: 3 })
  expect(await outcome(uncounted)).toMatchObject({ isRight: true, codes: [] })
  run(uncounted, early, { rows: 5, after: 3, through: 5 })
  expect(await outcome(uncounted)).toMatchObject({ isRight: true, codes: ['rows.uncounted'] })
  run(uncounted, early, { rows: 1, after: 5, through: 6, table: 16 })
  expect(await outcome(uncounted)).toMatchObject({ isRight: true, codes: [] })
  const [old, aged] = [memoryStore(), newChain()]
  run(old, aged, { rows: 10, after: 0, through: 3, table: 13, skipped: 3 })
  expect(await outcome(old)).toMatchObject({ isRight: false, codes: ['rows.skipped'] })
})

test('a chain with a hole, a fork or an overlap is refused from where it is needed on', async () => {
  const make = () => {
    const [store, chain] = [memoryStore(), newChain()]
    const names = [
      run(store, chain, { rows: 10, after: 0, through: 3, table: 10 }),
      run(store, chain, { rows: 5, after: 3, through: 4, table: 15 }),
      run(store, chain, { rows: 2, after: 4, through: 5, table: 17 }),
    ]
    return { store, chain, names }
  }
  const holed = make()
  holed.store.objects.delete(holed.names[1]!)
  expect(await outcome(holed.store)).toMatchObject({
    isRight: false,
    codes: ['chain.incomplete', 'chain.gap', 'object.unnamed'],
  })
  expect(await outcome(holed.store, { through: 1 })).toMatchObject({ isRight: true, rowCount: 10 })
  const begun = make()
  begun.store.objects.delete(begun.names[0]!)
  expect((await outcome(begun.store)).codes).toEqual(['rows.before', 'object.unnamed'])
  const torn = make()
  torn.store.objects.set(torn.names[2]!, Buffer.from('{'))
  expect(await outcome(torn.store)).toMatchObject({
    isRight: false,
    codes: ['manifest.invalid', 'object.unnamed'],
  })
  expect((await look(torn.store)).findings[0]?.hint).toContain('--through 2')
  const overlapping = make()
  run(overlapping.store, overlapping.chain, { rows: 2, after: 4, through: 6 })
  expect((await outcome(overlapping.store)).codes).toEqual(['chain.incomplete', 'chain.range'])
  const beside = make()
  run(beside.store, beside.chain, { rows: 2, after: 0, through: 5, content: 'window', watermark: 5 })
  beside.store.objects.delete(beside.names[2]!)
  expect((await outcome(beside.store)).codes).toEqual(['chain.incomplete', 'chain.gap', 'object.unnamed'])
  const forked = make()
  forked.chain.head = { ...readHead(forked.store, forked.names[1]!), throughSequence: 4 }
  run(forked.store, forked.chain, { rows: 2, after: 4, through: 5 })
  expect((await outcome(forked.store)).isRight).toBe(false)
})

function readHead(store: MemoryStore, name: string) {
  const { manifest, sha256 } = readManifest(store.objects.get(name)!)
  return { number: manifest.chain.number, sha256 }
}

test('a file that is missing, cut or changed is refused, whichever', async () => {
  const damage: Record<string, (store: MemoryStore, name: string) => void> = {
    'file.missing': (store, name) => store.objects.delete(name),
    'file.torn': (store, name) => store.objects.set(name, store.objects.get(name)!.subarray(0, -3)),
    'file.changed': (store, name) => {
      const bytes = Buffer.from(store.objects.get(name)!)
      bytes[7] = 0x39
      store.objects.set(name, bytes)
    },
  }
  for (const [code, harm] of Object.entries(damage)) {
    const [store, chain] = [memoryStore(), newChain()]
    run(store, chain, { rows: 10, after: 0, through: 3 })
    const [part] = partsOf(store, run(store, chain, { rows: 5, after: 3, through: 4, table: 15 }))
    harm(store, part!)
    const found = await look(store)
    expect([code, found.isRight]).toEqual([code, false])
    expect(found.findings).toMatchObject([
      { code, name: part, hint: expect.stringContaining('sluice export rerun') },
    ])
  }
})

test('a file that changes after it was looked at is noticed before its end', async () => {
  const [store, chain] = [memoryStore(), newChain()]
  run(store, chain, { rows: 10, after: 0, through: 3 })
  const found = await look(store)
  const [file] = found.files
  expect((await buffer(found.read(file!, { signal }))).byteLength).toBe(file!.bytes)
  store.objects.set(file!.name, Buffer.from('{"row":0}\n'))
  await expect(buffer(found.read(file!, { signal }))).rejects.toThrow(/was changed while it was restored/)
})

test('what is encrypted, of a newer version or of types nobody can read is refused with what to do', async () => {
  const [store, chain] = [memoryStore(), newChain()]
  const encryption = { kind: 'pgp', fingerprint: 'ABCD' } as const
  run(store, chain, { rows: 3, after: 0, through: 3, change: { encryption } })
  expect((await look(store)).findings).toMatchObject([
    { code: 'file.encrypted', hint: expect.stringContaining('gpg --decrypt') },
  ])
  const [odd, strange] = [memoryStore(), newChain()]
  const columns = [{ name: 'row', type: 'struct<my-y:string>' }]
  run(odd, strange, { rows: 3, after: 0, through: 3, change: { schema: { fingerprint: hash, columns } } })
  expect(await outcome(odd)).toMatchObject({ isRight: false, codes: ['schema.changed'] })
  const newer = memoryStore()
  const name = run(newer, newChain(), { rows: 3, after: 0, through: 3 })
  const text = newer.objects.get(name)!.toString().replace('"version":1', '"version":2')
  newer.objects.set(name, Buffer.from(text))
  await expect(look(newer)).rejects.toThrow(/version 2, made by a newer Sluice/)
})

test('a column that the newest delivery does not have is told', async () => {
  const [store, chain] = [memoryStore(), newChain()]
  const schema = (name: string) => ({ schema: { fingerprint: hash, columns: [{ name, type: 'bigint' }] } })
  run(store, chain, { rows: 3, after: 0, through: 3, change: schema('row') })
  run(store, chain, { rows: 3, after: 3, through: 4, table: 6, change: schema('line') })
  expect(await outcome(store)).toMatchObject({ isRight: false, codes: ['schema.changed'] })
})

test('the columns are those of the newest delivery, not of an old one that was delivered again', async () => {
  const [store, chain] = [memoryStore(), newChain()]
  const schema = (...names: string[]) => ({
    schema: { fingerprint: hash, columns: names.map((name) => ({ name, type: 'bigint' })) },
  })
  const first = run(store, chain, { rows: 3, after: 0, through: 3, table: 3, change: schema('row') })
  run(store, chain, { rows: 2, after: 3, through: 4, table: 5, change: schema('row', 'later') })
  const again = { rows: 3, after: 0, through: 3, watermark: 4, repeats: runIdOf(first), table: 3 }
  run(store, chain, { ...again, change: schema('row') })
  const { findings, schema: made, rowCount, head } = await look(store)
  expect({ findings, rowCount, number: head.number }).toEqual({ findings: [], rowCount: 5, number: 3 })
  expect(made.columns.map(({ name }) => name)).toEqual(['row', 'later'])
  store.objects.delete(first)
  expect((await look(store)).schema.columns).toHaveLength(2)
})

test('which of several exports is meant is asked for', async () => {
  const store = memoryStore()
  await expect(look(store)).rejects.toThrow(/there is nothing that can be restored/)
  const [one, other] = [newChain(), newChain()]
  run(store, one, { rows: 3, after: 0, through: 3 })
  run(store, other, { rows: 4, after: 0, through: 3, change: { exportName: 'second' } })
  await expect(look(store)).rejects.toThrow(/Several datasets or exports/)
  await expect(look(store, { exportName: 'third' })).rejects.toThrow(/data_feed by second/)
  expect((await look(store, { exportName: 'second' })).rowCount).toBe(4)
  expect((await look(store, { datasetName: one.datasetId })).rowCount).toBe(3)
})

test('deliveries of a key that is not one of those given are refused', async () => {
  const [store, chain] = [memoryStore(), newChain()]
  run(store, chain, { rows: 10, after: 0, through: 3, table: 10 })
  const name = run(store, chain, { rows: 5, after: 3, through: 4, table: 15 })
  const { keyId } = await look(store)
  expect(await outcome(store, { keyIds: [keyId] })).toMatchObject({ isRight: true, codes: [] })
  const { findings, isRight } = await look(store, { keyIds: ['0123456789abcdef'] })
  expect({ isRight, findings }).toMatchObject({
    isRight: false,
    findings: [{ code: 'key.other', message: expect.stringContaining(keyId) }],
  })
  // Somebody else who may write there delivers on.
  const key = newKey()
  const { signature: _signature, publicKey: _key, ...body } = readManifest(store.objects.get(name)!).manifest
  store.objects.set(name, Buffer.from(signManifest(body, key).text))
  const otherId = keyIdOf(key.publicKey)
  expect((await outcome(store)).codes).toEqual(['key.changed'])
  expect((await outcome(store, { keyIds: [keyId] })).codes).toEqual(['key.changed', 'key.other'])
  expect((await outcome(store, { keyIds: [otherId] })).codes).toEqual(['key.changed', 'key.other'])
  expect(await outcome(store, { keyIds: [keyId, otherId] })).toMatchObject({ isRight: true })
})

test('a delivery of a manifest that was signed for other rows is refused', async () => {
  const [store, chain] = [memoryStore(), newChain()]
  const name = run(store, chain, { rows: 3, after: 0, through: 3 })
  const { signature: _signature, publicKey, ...body } = readManifest(store.objects.get(name)!).manifest
  const sealed = signManifest({ ...body, rowCount: 4 }, { publicKey, sign: () => 'AAAA' })
  store.objects.set(name, Buffer.from(sealed.text))
  await expect(look(store)).rejects.toThrow(/its signature does not fit/)
})
