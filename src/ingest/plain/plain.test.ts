import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fc } from '../../../test/support/fast-check.ts'
import type { Engine } from '#engine/engine.ts'
import {
  cellOf,
  fields,
  jsonOf,
  neverPlain,
  objectOf,
  oddJson,
  oddLines,
  pick,
} from '../../../test/support/record-texts.ts'
import {
  arrayType,
  type DataType,
  type Field,
  longType,
  mapType,
  stringType,
  structType,
} from '#types/data-type.ts'
import { prepareText } from '../prepare-text.ts'
import { RejectLog } from '../rejects.ts'
import type { RequiredPaths } from '../value-readers.ts'

let connection: DuckDBConnection
let folder: string
let count = 0
const { signal } = new AbortController()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-plain-'))
  connection = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect()
  await connection.run("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
})

afterAll(async () => {
  connection.closeSync()
  await rm(folder, { recursive: true })
})

interface Table {
  readonly fields: readonly Field[]
  readonly required?: RequiredPaths
}

/** What becomes of a file: rows as the engine has them, in an order of their own, and refusals. */
async function outcome(
  bytes: Uint8Array,
  format: 'json' | 'csv',
  { fields, required = [] }: Table,
  isJudged: boolean,
) {
  const path = join(folder, `${(count += 1)}`)
  await writeFile(path, bytes)
  const rejects = new RejectLog()
  const prepared = await prepareText([{ path, fileName: 'a' }], {
    format,
    isMultiLineJson: false,
    table: { columns: structType(fields), required, constraints: [] },
    path: `${path}-records`,
    rejects,
    engine: undefined as unknown as Engine, // It is asked where there are constraints.
    signal,
    isJudged,
    plainBytesMin: 0,
  }).catch((error: unknown) => String(error))
  if (typeof prepared === 'string') return { failure: prepared }
  const { sql, rowCount, files, isTrusting = false } = prepared
  // As the engine prints them, which tells -0 from 0.
  const read = await connection.runAndReadAll(`SELECT CAST(rows AS VARCHAR) FROM (${sql}) AS rows`)
  const rows = read.getRowsJson().map(String)
  expect(rows).toHaveLength(rowCount)
  // Which of them read it, with what in its own file.
  const trusted = !isTrusting ? 'none' : files.length === 1 && files[0] === path ? 'all' : 'some'
  return { rows: rows.toSorted(), rejects: rejects.kept, count: rejects.count, trusted }
}

/** Both ways end alike; says how much the engine was trusted with. */
async function bothWays(text: string | Uint8Array, format: 'json' | 'csv', table: Table) {
  const bytes = Buffer.from(text as string)
  const { trusted, ...plain } = await outcome(bytes, format, table, false)
  const { trusted: _, ...judged } = await outcome(bytes, format, table, true)
  expect(plain).toEqual(judged)
  return trusted
}

describe('the engine reads what is plain as our readers do', () => {
  test('lines of JSON', async () => {
    const file = fc
      .tuple(
        fc.constantFrom(30, 1_000, 100_000),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.subarray([...fields], { minLength: 1 }),
      )
      // Of some types our readers look at each value.
      .map(([plainness, end, isOpen, some]) => {
        const shown = plainness < 1_000 ? some : some.filter(({ type }) => !neverPlain.has(type.kind))
        return [plainness, end, isOpen, shown] as const
      })
      .chain(([plainness, end, isOpen, some]) =>
        fc
          .array(
            fc.oneof(
              { weight: 40, arbitrary: objectOf(some, plainness) },
              { weight: plainness > 1_000 ? 0 : 1, arbitrary: pick(...oddLines) },
            ),
            { minLength: 1, maxLength: 25 },
          )
          .map((lines) => lines.join(end) + (isOpen ? '' : end)),
      )
    await alike(file, 'json', { numRuns: 80, seed: 11 })
  }, 60_000)

  test.each(fields)('each unusual value of JSON in $name', async (field) => {
    const { name, type } = field
    const [plain = ''] = fc.sample(jsonOf(type, 1e9), { numRuns: 1, seed: 3 })
    const line = (value: string) => `{${JSON.stringify(name)}:${value}}\n`
    const inside = (value: string): string[] => {
      if (type.kind === 'array') return [`[${value}]`, `[{"s":${value}}]`, `[{"n":${value},"d":${value}}]`]
      if (type.kind === 'map') return [`{"a":${value}}`, `{"a":[{"s":${value}}]}`, `{${value}:[]}`]
      if (type.kind !== 'struct') return []
      return type.fields.map((part) => `{${JSON.stringify(part.name)}:${value}}`)
    }
    const whole = {
      struct: '{"s":"x","n":1,"t":null,"d":1}',
      array: '[{"s":"x","n":1,"t":null,"d":1}]',
      map: '{"a":[{"s":"x","n":1,"t":null,"d":1}]}',
    }
    const samples = [plain, whole[type.kind as keyof typeof whole] ?? plain]
    const odd = oddJson.flatMap((value) => [value, ...inside(value)])
    const trusted = await bothWays([...samples, ...odd].map(line).join(''), 'json', { fields: [field] })
    expect(trusted).toBe(neverPlain.has(type.kind) ? 'none' : 'some')
  })

  test.each(fields)('each unusual value of CSV in $name', async (field) => {
    const cells = oddJson.flatMap((json) => {
      const value: unknown = isJson(json) ? JSON.parse(json) : json
      const text = typeof value === 'string' ? value : json
      return [
        `"${text.replaceAll('"', '""')}"`,
        ...(/[",\r\n]/.test(text) ? [] : [text, ` ${text}`, `${text} `]),
      ]
    })
    const [plain = ''] = fc.sample(cellOf(field.type, 1e9), { numRuns: 1, seed: 3 })
    const text = ['n,' + field.name, ...[plain, ...cells].map((cell) => `1,${cell}`), ''].join('\n')
    const trusted = await bothWays(text, 'csv', { fields: [{ name: 'n', type: longType }, field] })
    expect(trusted).toBe('some')
  })

  test('records of CSV', async () => {
    const file = fc
      .tuple(
        fc.constantFrom(30, 1_000, 100_000),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.shuffledSubarray([...fields], { minLength: 1 }),
      )
      .chain(([plainness, end, isOpen, given]) => {
        const some = plainness < 1_000 ? given : given.filter(({ type }) => type.kind !== 'binary')
        const cells = fc.tuple(...some.map(({ type }) => cellOf(type, plainness)))
        const record = fc.tuple(cells, fc.nat(plainness)).map(([values, oddness]) => {
          if (oddness === 0) values.pop()
          if (oddness === 1) values.push('x')
          return values.join(',')
        })
        const header = some.map(({ name }) => name)
        if (plainness < 1_000) header.unshift('_ACP_BATCHID')
        return fc
          .array(
            fc.oneof(
              { weight: 40, arbitrary: record.map((text) => (plainness < 1_000 ? `r,${text}` : text)) },
              { weight: plainness > 1_000 ? 0 : 1, arbitrary: pick('', ' ', 'a', '"', '"a" b,c', 'a\rb') },
            ),
            { minLength: 1, maxLength: 25 },
          )
          .map((lines) => [header.join(','), ...lines].join(end) + (isOpen ? '' : end))
      })
    await alike(file, 'csv', { numRuns: 80, seed: 12 })
  }, 60_000)

  test.each(['json', 'csv'] as const)(
    'any byte of %s changed',
    async (format) => {
      const rows = fc.tuple(
        fc.array(objectOf(fields.slice(0, 14), 100_000).filter(isJson), { minLength: 3, maxLength: 3 }),
        fc.nat(10_000),
        fc.oneof(fc.constantFrom(...Buffer.from('"\\,:{}[]\n\r\t \0-.+eE0nul/*#;\'')), fc.nat(255)),
      )
      const few = fields.filter(({ name }) => ['text', 'd', 'time', 'page-größe.x'].includes(name))
      await fc.assert(
        fc.asyncProperty(rows, async ([objects, place, byte]) => {
          const lines = format === 'json' ? objects.map((text) => pickFields(text, few)) : csvOf(objects, few)
          const bytes = Buffer.from(lines.join('\n'))
          bytes[place % bytes.length] = byte
          await bothWays(bytes, format, { fields: few })
        }),
        { numRuns: 150, seed: 13 },
      )
    },
    60_000,
  )

  test('maps and lists in each other, and several maps', async () => {
    const textMap = mapType(stringType, stringType)
    const nested: readonly Field[] = [
      { name: 'm', type: textMap },
      { name: 'lm', type: arrayType(textMap) },
      { name: 'mm', type: mapType(stringType, mapType(stringType, longType)) },
      { name: 'ls', type: arrayType(structType([{ name: 'm', type: textMap }])) },
      { name: 'll', type: arrayType(arrayType(longType)) },
    ]
    const row =
      '{"m":{"a":"x","b":"y"},"lm":[{"a":"x"},{}, {"a":"x","b":null}],"mm":{ "a":{"c":1},"b":{"c":2,"a":3}},"ls":[{"m":{"a":"b"}}],"ll":[[1, 2],[ 3 ]]}'
    expect(await bothWays(`${row}\n`, 'json', { fields: nested })).toBe('all')
    const csv = `${nested.map(({ name }) => name).join(',')}\n${csvOf([row], nested)[1]}\n`
    expect(await bothWays(csv, 'csv', { fields: nested })).toBe('all')
    let deep: DataType = longType
    for (let depth = 0; depth < 30; depth += 1) deep = arrayType(deep)
    const list = `{"deep":${'['.repeat(30)}1${']'.repeat(30)}}\n`
    expect(await bothWays(list, 'json', { fields: [{ name: 'deep', type: deep }] })).toBe('all')

    const seen = new Set<string | undefined>()
    const lines = (plainness: number) => fc.array(objectOf(nested, plainness), { minLength: 1, maxLength: 9 })
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(30, 1_000).chain(lines), async (objects) => {
        seen.add(await bothWays(objects.join('\n'), 'json', { fields: nested }))
        const cells = objects.filter(isJson)
        if (cells.length > 0) await bothWays(csvOf(cells, nested).join('\n'), 'csv', { fields: nested })
      }),
      { numRuns: 60, seed: 14 },
    )
    expect(seen).toEqual(new Set(['all', 'some', 'none']))
  }, 60_000)

  test('packed files, a byte order mark, half a character, a record that is long', async () => {
    const line = (n: number) => `{"i":${n},"text":"é${n}"}\n`
    const lines = line(1) + line(2) + line(3)
    expect(await bothWays(lines, 'json', { fields })).toBe('all')
    expect(await bothWays(gzipSync(lines), 'json', { fields })).toBe('some')
    expect(await bothWays(`\uFEFF${lines}`, 'json', { fields })).toBe('some')
    expect(
      await bothWays(`${lines}{"i":4,"text":"${'x'.repeat(70_000)}"}\n${lines}`, 'json', { fields }),
    ).toBe('some')
    expect(
      await bothWays(Buffer.concat([Buffer.from(lines.repeat(6_000)), Buffer.from([0xc3])]), 'json', {
        fields,
      }),
    ).toBe('some')
    expect(await bothWays(lines.repeat(6_000), 'json', { fields })).toBe('all')
    expect(await bothWays(`${lines.repeat(6_000)}x`, 'json', { fields })).toBe('some')
    const csv = 'i,text\n' + '1,"é, ""x"""\n2,\n3,""\n'.repeat(6_000)
    expect(await bothWays(csv, 'csv', { fields })).toBe('all')
    expect(await bothWays(`\uFEFF${csv}`, 'csv', { fields })).toBe('some')
    expect(await bothWays(gzipSync(`${csv}4,"two\nlines"\n1,x`), 'csv', { fields })).toBe('some')
  })
})

/** Both ways end alike for all files, of which some are trusted with whole, in part, not at all. */
async function alike(
  files: fc.Arbitrary<string>,
  format: 'json' | 'csv',
  options: { readonly numRuns: number; readonly seed: number },
): Promise<void> {
  const seen = new Map<string | undefined, number>()
  const required = fc.constantFrom<RequiredPaths[]>([], [], [['text']], [['page-größe.x', 's'], ['i']])
  await fc.assert(
    fc.asyncProperty(files, required, async (text, asked) => {
      const trusted = await bothWays(text, format, { fields, required: asked })
      seen.set(trusted, (seen.get(trusted) ?? 0) + 1)
    }),
    options,
  )
  for (const trusted of ['all', 'some', 'none']) expect(seen.get(trusted)).toBeGreaterThan(1)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function pickFields(text: string, some: readonly Field[]): string {
  const value = JSON.parse(text) as Readonly<Record<string, unknown>>
  return JSON.stringify(Object.fromEntries(some.map(({ name }) => [name, value[name] ?? null])))
}

function csvOf(objects: readonly string[], some: readonly Field[]): string[] {
  const rows = objects.map((text) => JSON.parse(text) as Readonly<Record<string, unknown>>)
  const cell = (value: unknown) => {
    if (value === null || value === undefined) return ''
    return `"${(typeof value === 'string' ? value : JSON.stringify(value)).replaceAll('"', '""')}"`
  }
  return [
    some.map(({ name }) => name).join(','),
    ...rows.map((row) => some.map(({ name }) => cell(row[name])).join(',')),
  ]
}
