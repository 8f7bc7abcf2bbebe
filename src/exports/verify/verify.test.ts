import { expect, test } from 'vitest'
import { AppError } from '#base/errors.ts'
import { fc } from '../../../test/support/fast-check.ts'
import { deliver, newChain, newKey } from '../../../test/support/deliveries.ts'
import { type MemoryStore, memoryStore } from '../../../test/support/memory-store.ts'
import { sha256Hex } from '../manifests/canonical-json.ts'
import { readManifest, signManifest } from '../manifests/manifest.ts'
import { parseManifestName } from '../manifests/names.ts'
import { type VerifyReport, verifyLocation } from './verify.ts'
import { type FindingCode } from './finding.ts'

const verify = (store: MemoryStore) => verifyLocation({ store, signal: new AbortController().signal })
const codes = (report: VerifyReport): FindingCode[] => report.findings.map((finding) => finding.code)

test('several exports and datasets in one location are each verified', async () => {
  const store = memoryStore()
  const chains = [newChain(), newChain(), newChain()]
  for (const [index, chain] of chains.entries())
    for (let run = 0; run <= index; run += 1) deliver(store, chain, [10, 5])
  const report = await verify(store)
  expect(report).toMatchObject({ isRight: true, findings: [], rowCount: 90, fileCount: 12 })
  expect(report.chains.map((chain) => chain.manifestCount)).toEqual(expect.arrayContaining([1, 2, 3]))
})

test('a location without a manifest is not right', async () => {
  const store = memoryStore()
  expect(await verify(store)).toMatchObject({ isRight: false, chains: [] })
  store.objects.set('somebody/else.txt', Buffer.from('hello'))
  expect(codes(await verify(store))).toEqual(['location.empty', 'object.unnamed'])
})

test('a signature that is spelt in another way is found', async () => {
  const store = memoryStore()
  deliver(store, newChain(), [3])
  const name = [...store.objects.keys()].find((key) => parseManifestName(key))!
  const text = Buffer.from(store.objects.get(name)!).toString()
  // The last letter's four lowest bits are of no byte.
  const other = text.replace(
    /([AQgw])==(?=")/,
    (_, last: string) => `${String.fromCharCode(last.charCodeAt(0) + 1)}==`,
  )
  expect(other).not.toBe(text)
  store.objects.set(name, Buffer.from(other))
  expect(codes(await verify(store))).toContain('manifest.invalid')
})

test('files that no manifest names are told and left alone', async () => {
  const store = memoryStore()
  deliver(store, newChain(), [3])
  store.objects.set('readme.txt', Buffer.from('hello'))
  const report = await verify(store)
  expect(report.isRight).toBe(true)
  expect(report.findings).toMatchObject([{ severity: 'warning', code: 'object.unnamed', name: 'readme.txt' }])
  expect(store.objects.has('readme.txt')).toBe(true)
})

test('a chain that came from another location is followed from where it begins here', async () => {
  const store = memoryStore()
  const chain = newChain()
  chain.head = { number: 4, sha256: sha256Hex('elsewhere'), throughSequence: 9 }
  deliver(store, chain, [3], {
    chain: { number: 5, previous: { sha256: sha256Hex('elsewhere'), isElsewhere: true } },
  })
  const report = await verify(store)
  expect(report.isRight).toBe(true)
  expect(codes(report)).toEqual(['chain.elsewhere'])
})

test('what does not fit the checksum that its store keeps is told of like any other damage, and the rest is checked', async () => {
  const store = memoryStore()
  deliver(store, newChain(), [10, 5])
  deliver(store, newChain(), [3])
  const names = [...store.objects.keys()]
  const [file, manifest] = [names[0]!, names.findLast((name) => parseManifestName(name))!]
  const damaged: MemoryStore = {
    ...store,
    read: (name, options) => {
      if (name === file || name === manifest) throw new AppError('store.corrupt', 'Other bytes.')
      return store.read(name, options)
    },
  }
  const report = await verify(damaged)
  expect(report).toMatchObject({ isRight: false, rowCount: 5 })
  expect(report.findings).toEqual(
    expect.arrayContaining([
      { severity: 'error', code: 'file.changed', name: file, message: 'Other bytes.' },
      { severity: 'error', code: 'manifest.invalid', name: manifest, message: 'Other bytes.' },
    ]),
  )
})

test('a manifest that promises other rows than its files hold is found', async () => {
  const store = memoryStore()
  deliver(store, newChain(), [3], { rowCount: 4 })
  expect(codes(await verify(store))).toEqual(['manifest.rows'])
})

test('a delivery that leaves out commits is found', async () => {
  const store = memoryStore()
  const chain = newChain()
  deliver(store, chain, [3])
  chain.head!.throughSequence += 1
  deliver(store, chain, [3])
  expect(codes(await verify(store))).toEqual(['chain.range'])
})

test('a delivery beside the increments that moves them is found, and one that leaves them is right', async () => {
  const beside = (watermark: number) => {
    const store = memoryStore()
    const chain = newChain()
    deliver(store, chain, [3])
    const { sha256 } = chain.head!
    deliver(store, chain, [3], {
      content: 'window',
      chain: { number: 2, previous: { sha256, isElsewhere: false }, watermark },
    })
    chain.head!.throughSequence = watermark
    deliver(store, chain, [3])
    return store
  }
  expect(codes(await verify(beside(1)))).toEqual([])
  expect(codes(await verify(beside(4)))).toEqual(['chain.range'])
})

test('two manifests of one number are a fork', async () => {
  const store = memoryStore()
  const chain = newChain()
  deliver(store, chain, [3])
  const fork = { ...chain }
  deliver(store, chain, [3])
  deliver(store, fork, [4])
  expect(codes(await verify(store))).toEqual(['chain.fork'])
})

test('another signer is told', async () => {
  const store = memoryStore()
  const chain = newChain()
  deliver(store, chain, [3])
  const name = deliver(store, chain, [3])
  const { signature: _signature, publicKey: _key, ...body } = readManifest(store.objects.get(name)!).manifest
  store.objects.set(name, Buffer.from(signManifest(body, newKey()).text))
  expect(codes(await verify(store))).toEqual(['key.changed'])
})

/** Every way we can think of to damage a delivery; each says which objects it may hit. */
type Damage = (store: MemoryStore, pick: (names: readonly string[]) => string, at: number) => boolean

const isManifest = (name: string) => parseManifestName(name) !== undefined
const files = (store: MemoryStore) => [...store.objects.keys()].filter((name) => !isManifest(name))
const manifests = (store: MemoryStore) => [...store.objects.keys()].filter(isManifest)
const numberOf = (name: string) => parseManifestName(name)!.chainNumber

const damages: Readonly<Record<string, Damage>> = {
  'drop a file': (store, pick) => store.objects.delete(pick(files(store))),
  'drop a manifest that is not the last': (store, pick) => {
    const last = Math.max(...manifests(store).map(numberOf))
    const others = manifests(store).filter((name) => numberOf(name) < last)
    return others.length > 0 && store.objects.delete(pick(others))
  },
  'drop the last manifest, its files stay': (store) => {
    const last = manifests(store).toSorted((one, other) => numberOf(other) - numberOf(one))[0]!
    return store.objects.delete(last)
  },
  'change a byte of a file': (store, pick, at) => changeByte(store, pick(files(store)), at),
  'change a byte of a manifest': (store, pick, at) => changeByte(store, pick(manifests(store)), at),
  'cut a file': (store, pick, at) => cut(store, pick(files(store)), at),
  'cut a manifest': (store, pick, at) => cut(store, pick(manifests(store)), at),
  'append to a file': (store, pick) => {
    const name = pick(files(store))
    store.objects.set(name, Buffer.concat([store.objects.get(name)!, Buffer.from('{"row":1}\n')]))
    return true
  },
  'append white space to a manifest': (store, pick) => {
    const name = pick(manifests(store))
    store.objects.set(name, Buffer.concat([store.objects.get(name)!, Buffer.from('\n')]))
    return true
  },
  'exchange two files': (store, pick) => exchange(store, pick, files(store)),
  'exchange two manifests': (store, pick) => exchange(store, pick, manifests(store)),
  'copy a manifest to another name': (store, pick) => {
    const name = pick(manifests(store))
    store.objects.set(name.replace('manifest-', 'copy/manifest-'), store.objects.get(name)!)
    return true
  },
  'add a file': (store, pick) => {
    const name = pick(files(store))
    store.objects.set(name.replace('part-0', 'part-9'), store.objects.get(name)!)
    return true
  },
  'sign a shortened manifest with another key': (store, pick) => {
    const name = pick(
      manifests(store).filter((name) => readManifest(store.objects.get(name)!).manifest.rowCount > 0),
    )
    const {
      signature: _signature,
      publicKey: _key,
      ...body
    } = readManifest(store.objects.get(name)!).manifest
    const [, ...rest] = body.files
    const rowCount = rest.reduce((sum, file) => sum + file.rowCount, 0)
    store.objects.set(name, Buffer.from(signManifest({ ...body, files: rest, rowCount }, newKey()).text))
    return true
  },
}

function changeByte(store: MemoryStore, name: string, at: number): boolean {
  const bytes = new Uint8Array(store.objects.get(name)!)
  const index = at % bytes.byteLength
  bytes[index] = bytes[index]! ^ (1 << (at % 8))
  store.objects.set(name, bytes)
  return true
}

function cut(store: MemoryStore, name: string, at: number): boolean {
  const bytes = store.objects.get(name)!
  store.objects.set(name, bytes.slice(0, at % bytes.byteLength))
  return true
}

function exchange(
  store: MemoryStore,
  pick: (names: readonly string[]) => string,
  names: readonly string[],
): boolean {
  if (names.length < 2) return false
  const one = pick(names)
  const other = pick(names.filter((name) => name !== one))
  const bytes = store.objects.get(one)!
  store.objects.set(one, store.objects.get(other)!)
  store.objects.set(other, bytes)
  return true
}

test.each(Object.keys(damages))('whoever manages to %s is found', async (what) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 3 }), { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(), { minLength: 2, maxLength: 2 }),
      fc.nat(),
      async (rest, picks, at) => {
        const store = memoryStore()
        const chain = newChain()
        // The last delivery has a file: without one nothing would be left of it to tell that it was there.
        for (const run of [...rest, [2]]) deliver(store, chain, run)
        expect(await verify(store)).toMatchObject({ isRight: true, findings: [] })
        let turn = 0
        const pick = (names: readonly string[]) => names[picks[turn++ % 2]! % names.length]!
        fc.pre(damages[what]!(store, pick, at))
        const report = await verify(store)
        expect(report.findings).not.toEqual([])
        const isOnlyTold =
          what.startsWith('add') || what.startsWith('drop the last') || what.startsWith('sign')
        if (!isOnlyTold) expect(report.isRight).toBe(false)
      },
    ),
    { numRuns: 60 },
  )
})
