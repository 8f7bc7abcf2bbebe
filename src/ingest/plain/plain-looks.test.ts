import { mkdtemp, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '#engine/engine.ts'
import { longType, stringType, structType } from '#types/data-type.ts'
import { prepareText } from '../prepare-text.ts'
import { RejectLog } from '../rejects.ts'
import type { Looked } from '../source-text.ts'
import { countPlain } from './plain-file.ts'
import { csvForm, jsonForm } from './plain-form.ts'
import { PlainLook, PlainLooks } from './plain-looks.ts'

let folder: string
let count = 0
const { signal } = new AbortController()
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-plain-looks-'))
})
afterAll(async () => await rm(folder, { recursive: true }))

const table = {
  columns: structType([
    { name: 'i', type: longType },
    { name: 'text', type: stringType },
  ]),
  required: [],
  constraints: [],
}

async function fileOf(bytes: Uint8Array): Promise<string> {
  const path = join(folder, `${(count += 1)}`)
  await writeFile(path, bytes)
  return path
}

/** In pieces that end at the given places, each overwritten when the next one is asked for. */
async function* cut(bytes: Uint8Array, ends: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0
  for (const end of [...ends.toSorted((one, other) => one - other), bytes.length]) {
    const piece = Uint8Array.from(bytes.subarray(start, end))
    yield piece
    piece.fill(0)
    start = end
  }
}

async function look(format: 'json' | 'csv', pieces: AsyncIterable<Uint8Array>) {
  const plain = new PlainLook(format, table)
  return { bytes: await taken(plain.through(pieces)), looked: plain.seen() }
}

async function taken(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const given: Buffer[] = []
  for await (const piece of pieces) given.push(Buffer.from(piece))
  return Buffer.concat(given)
}

const line = (n: number) => `{"i":${n},"text":"größer ${'x'.repeat(n % 300)}"}\n`
const lines = Array.from({ length: 3_000 }, (_, n) => line(n)).join('')
const records = Array.from({ length: 9_000 }, (_, n) => `${n},"größer ""${n}"" and more"\n`).join('')
const texts = {
  'all lines are plain': ['json', lines],
  'the last one has no end': ['json', lines.slice(0, -1)],
  'one is of another type': ['json', `${lines}{"i":"x"}\n${lines}`],
  'the last one is broken off': ['json', lines.slice(0, -3)],
  'one is no UTF-8': ['json', Buffer.concat([Buffer.from(lines), Buffer.from([0xff, 0x0a])])],
  'one is long': ['json', `${lines}{"i":1,"text":"${'x'.repeat(70_000)}"}\n${lines}`],
  'one is longer than what is looked at': ['json', `${lines}{"i":1,"text":"${'x'.repeat(700_000)}"}\n`],
  'it is packed': ['json', Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.from(lines)])],
  'it is UTF-16': ['json', Buffer.from(`\uFEFF${lines}`, 'utf16le')],
  'all records are plain': ['csv', `i,text\n${records}`],
  'one has a column more': ['csv', `i,text\n${records}1,x,\n`],
  'the header has a mark before it': ['csv', `\uFEFFi,text\n${records}`],
} as const satisfies Record<string, readonly ['json' | 'csv', string | Uint8Array]>

describe('what is seen of a text that comes in pieces is what is seen of its file', () => {
  test.each(Object.entries(texts))('%s', async (_, [format, text]) => {
    const bytes = Buffer.from(text as string)
    const path = await fileOf(bytes)
    const counts = new Set<number | undefined>()
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 60 }), async (ends) => {
        const seen = await look(format, cut(bytes, ends))
        expect(seen.bytes.equals(bytes)).toBe(true)
        counts.add(seen.looked?.count)
      }),
      { numRuns: 20, seed: 5 },
    )
    const head = bytes.toString().slice(0, bytes.toString().indexOf('\n', 1_000) + 1)
    const form = format === 'json' ? jsonForm(head, table) : csvForm(head, table)
    const expected = form && (await countPlain({ path, fileName: 'a' }, form, signal))
    expect(counts).toEqual(new Set([expected]))
    const plain = ['all lines are plain', 'the last one has no end', 'all records are plain']
    expect(expected !== undefined).toBe(plain.includes(_))
  })

  test('a small one is not looked at', async () => {
    expect(await look('json', cut(Buffer.from(line(1)), []))).toMatchObject({ looked: undefined })
  })
})

describe('what was seen when a text came', () => {
  async function rowCount(path: string, looked: Looked | undefined): Promise<number> {
    const prepared = await prepareText([{ path, fileName: 'a', looked }], {
      format: 'json',
      isMultiLineJson: false,
      table,
      path: `${path}-records-${(count += 1)}`,
      rejects: new RejectLog(),
      engine: undefined as unknown as Engine, // It is asked where there are constraints.
      signal,
    })
    return prepared.rowCount
  }

  /** A file, and what was seen of it by a table with other columns, perhaps; with a count that nobody would count. */
  async function stored(bytes: Buffer, columns = table.columns) {
    const looks = new PlainLooks()
    const look = new PlainLook('json', { columns, required: [] })
    await taken(look.through(cut(bytes, [])))
    const path = await fileOf(bytes)
    await looks.keep(path, look)
    const looked = looks.of(path)!
    expect(looked.count).toBe(3_000)
    return { path, looked: { ...looked, count: 17 } }
  }

  test('is taken for the same form of the same file: nobody counts again', async () => {
    const { path, looked } = await stored(Buffer.from(lines))
    expect(await rowCount(path, looked)).toBe(17)
    expect(await rowCount(path, undefined)).toBe(3_000)
  })

  test('is not taken of a file of another size, or that was written to', async () => {
    const { path, looked } = await stored(Buffer.from(lines))
    const { atime, mtime } = await stat(path)
    const long = Buffer.from(lines + line(1))
    await writeFile(path, long)
    await utimes(path, atime, mtime)
    const same = { ...looked, modifiedAtMs: (await stat(path)).mtimeMs }
    expect(await rowCount(path, same)).toBe(3_001)
    expect(await rowCount(path, { ...same, bytes: long.length })).toBe(17)
    await writeFile(path, Buffer.from(lines.replace('"i":1', '"i":x') + line(1)))
    expect(await rowCount(path, { ...same, bytes: long.length })).toBe(3_000)
  })

  test('is not taken where the table has other columns by now', async () => {
    const columns = structType([{ name: 'i', type: stringType }, table.columns.fields[1]!])
    const texts = lines.replaceAll(/"i":(\d+)/g, '"i":"no number $1"')
    const { path, looked } = await stored(Buffer.from(texts), columns)
    expect(await rowCount(path, looked)).toBe(0)
  })

  test('is kept of the files that came last', async () => {
    const looks = new PlainLooks()
    const look = new PlainLook('json', table)
    await taken(look.through(cut(Buffer.from(lines), [])))
    const name = basename(await fileOf(Buffer.from(lines)))
    // Many names of the one file.
    const pathOf = (n: number) =>
      `${folder}${Array.from(n.toString(2), (bit) => (bit === '1' ? '/.' : '/')).join('')}/${name}`
    for (let n = 1; n <= 10_001; n += 1) await looks.keep(pathOf(n), look)
    expect([1, 2, 10_001].map((n) => looks.of(pathOf(n))?.count)).toEqual([undefined, 3_000, 3_000])
  })
})
