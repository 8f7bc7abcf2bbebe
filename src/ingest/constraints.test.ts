import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { bed, node } from '../../test/support/one-ingest.ts'
import { sharedEngine } from '../../test/support/engine.ts'
import type { Dataset } from '../datasets/datasets.ts'

const properties = {
  sku: { type: 'string', pattern: '^[A-Z]{2}-\\d+$' },
  kind: { type: 'string', enum: ['new', "it's old"] },
  name: { type: 'string', minLength: 2, maxLength: 4 },
  n: { type: 'integer', minimum: 1, 'meta:xdmType': 'int' },
  deep: { type: 'object', properties: { share: { type: 'number', minimum: 0, exclusiveMaximum: 1 } } },
}

async function dataset(): Promise<Dataset> {
  const { id } = await bed.schemas.create(bed.caller, 'schemas', {
    title: randomUUID(),
    type: 'object',
    properties,
  })
  return await bed.datasets.create(bed.caller, { name: randomUUID(), schema: { kind: 'registered', id } })
}

const objects = [
  { sku: 'AB-1', kind: "it's old", name: '😀😀', n: 1, deep: { share: 0 } },
  { sku: 'ab-1' },
  { kind: 'newer' },
  { name: 'x' },
  { name: 'longer' },
  { n: 0 },
  { deep: { share: 1 } },
  { sku: null, deep: {} },
  { name: '' },
]
const reasons = [
  '2: the field "sku" does not match the pattern "^[A-Z]{2}-\\\\d+$"',
  '3: the field "kind" is none of ["new","it\'s old"]',
  '4: the field "name" has fewer characters than 2',
  '5: the field "name" has more characters than 4',
  '6: the field "n" is less than 1',
  '7: the field "deep.share" is not less than 1',
  '9: the field "name" has fewer characters than 2',
]

const csvOf = (value: unknown): string => {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return `"${text.replaceAll('"', '""')}"`
}
const names = Object.keys(properties)
const csv = [
  names.join(','),
  ...objects.map((row) =>
    names
      .map((name) => {
        const value = (row as Record<string, unknown>)[name]
        return value === undefined || value === null ? '' : csvOf(value)
      })
      .join(','),
  ),
].join('\n')

async function parquet(): Promise<Buffer> {
  const engine = await sharedEngine()
  const rows = objects.map((row, index) => {
    const value = (name: string, type: string) =>
      `CAST(json_extract_string(${quoted(JSON.stringify(row))}::JSON, '$.${name}') AS ${type})`
    return `SELECT ${index} AS i, ${value('sku', 'VARCHAR')} AS sku, ${value('kind', 'VARCHAR')} AS kind,
      ${value('name', 'VARCHAR')} AS name, ${value('n', 'INTEGER')} AS n, {share: ${value('deep.share', 'DOUBLE')}} AS deep`
  })
  const sql = `SELECT sku, kind, name, n, deep FROM (${rows.join(' UNION ALL ')}) ORDER BY i`
  const { files } = await engine.copy(sql, { kind: 'parquet', compression: 'zstd' })
  return await readFile(files[0]!.path)
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`

test.each<['json' | 'csv' | 'parquet', () => Promise<string | Buffer>]>([
  ['json', async () => objects.map((row) => JSON.stringify(row)).join('\n')],
  ['csv', async () => csv],
  ['parquet', parquet],
])(
  'rows of %s that the schema does not allow are refused by the name of the field',
  async (format, bytes) => {
    const made = await dataset()
    const files = { [`a.${format}`]: await bytes() }
    const batch = await bed.load(node, made, files, { format, partialIngestionPercentage: 99 })
    expect(batch).toMatchObject({ state: 'success', recordCount: 2, failedRecordCount: 7 })
    const rejects = await node.ingest.rejects(bed.caller, batch.id, { limit: 10 })
    expect(rejects.map(({ row, reason }) => `${row}: ${reason}`)).toEqual(reasons)
    expect(rejects.every(({ fileName }) => fileName === `a.${format}`)).toBe(true)
    expect(rejects[0]?.record).toContain('ab-1')
    expect(await bed.rows(made)).toHaveLength(2)
    const strict = await bed.load(node, made, files, { format })
    expect(strict).toMatchObject({ state: 'failed', failedRecordCount: 7 })
  },
)

test.each<['json' | 'csv', string, string]>([
  ['json', `${objects.map((row) => JSON.stringify(row)).join('\n')}\n`, `${JSON.stringify(objects[0])}\n`],
  ['csv', `${csv}\n`, `${csv.split('\n')[1]}\n`],
])(
  'in a large file of %s, whose plain records the engine reads, they are found, too',
  async (format, some, row) => {
    const made = await dataset()
    const many = row.repeat(3_000)
    expect(many.length).toBeGreaterThan(128 * 1024)
    const good = format === 'csv' ? `${names.join(',')}\n${many}` : many
    expect(await bed.load(node, made, { 'a.txt': good }, { format })).toMatchObject({
      state: 'success',
      recordCount: 3_000,
    })
    const files = { 'a.txt': some + many }
    const batch = await bed.load(node, made, files, { format, partialIngestionPercentage: 5 })
    expect(batch).toMatchObject({ state: 'success', recordCount: 3_002, failedRecordCount: 7 })
    const rejects = await node.ingest.rejects(bed.caller, batch.id, { limit: 10 })
    expect(rejects.map(({ row: at, reason }) => `${at}: ${reason}`)).toEqual(reasons)
    expect(await bed.rows(made)).toHaveLength(6_002)
  },
)

const line = {
  type: 'object',
  properties: {
    sku: { type: 'string' },
    mail: { type: 'string', format: 'email' },
    kinds: { type: 'array', items: { type: 'string', enum: ['a', "b's"] } },
  },
  required: ['sku'],
}
const inside = {
  id: { type: 'integer' },
  lines: { type: 'array', items: line },
  sizes: {
    type: 'object',
    additionalProperties: {
      type: 'object',
      properties: { w: { type: 'integer', maximum: 5 }, h: { type: 'integer' } },
      required: ['h'],
    },
  },
}
const insideRows = [
  { id: 1, lines: [{ sku: 's', mail: 'a@b', kinds: ['a', "b's"] }], sizes: { k: { h: 1, w: 5 } } },
  { id: 2, lines: [], sizes: {} },
  { id: 3, lines: null, sizes: null },
  { id: 4, lines: [{ sku: 's', mail: null, kinds: null }], sizes: { k: { h: 1, w: null } } },
  { id: 5, lines: [{ sku: 's' }, { mail: 'a@b' }] },
  { id: 6, lines: [{ sku: null }] },
  { id: 7, lines: [{ sku: 's' }, { sku: 's', mail: 'nobody' }] },
  { id: 8, lines: [{ sku: 's', kinds: ['a', 'c'] }] },
  { id: 9, sizes: { k: { h: 1 }, l: { h: 1, w: 6 } } },
  { id: 10, sizes: { k: { w: 1 } } },
]
const insideReasons = [
  '5: the required field "lines[].sku" is missing',
  '6: the required field "lines[].sku" is missing',
  '7: the field "lines[].mail" is no email',
  `8: the field "lines[].kinds[]" is none of ["a","b's"]`,
  '9: the field "sizes{}.w" is more than 5',
  '10: the required field "sizes{}.h" is missing',
]

async function insideParquet(rows: readonly object[]): Promise<Buffer> {
  const type = `{"id":"INTEGER","lines":[{"sku":"VARCHAR","mail":"VARCHAR","kinds":["VARCHAR"]}],"sizes":"MAP(VARCHAR, STRUCT(w INTEGER, h INTEGER))"}`
  const texts = rows.map((row) => quoted(JSON.stringify(row))).join('), (')
  const engine = await sharedEngine()
  const sql = `SELECT unnest(json_transform(t, '${type}')) FROM (VALUES (${texts})) AS v(t)`
  return await readFile((await engine.copy(sql, { kind: 'parquet', compression: 'zstd' })).files[0]!.path)
}

test.each<['json' | 'csv' | 'parquet', string, (rows: readonly object[]) => Promise<string | Buffer>]>([
  ['json', '', async (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')],
  [
    'json',
    ' whose plain records the engine reads',
    async (rows) =>
      `${JSON.stringify(rows[0])}\n`.repeat(3_000) + rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
  ],
  [
    'csv',
    '',
    async (rows) =>
      ['id,lines,sizes']
        .concat(
          rows.map((row) =>
            ['id', 'lines', 'sizes']
              .map((name) => (row as Record<string, unknown>)[name])
              .map((value) => (value ? csvOf(value) : ''))
              .join(','),
          ),
        )
        .join('\n'),
  ],
  ['parquet', '', insideParquet],
])(
  'what stands inside of arrays and maps is held to the schema, too: %s%s',
  async (format, more, bytesOf) => {
    const { id } = await bed.schemas.create(bed.caller, 'schemas', {
      title: randomUUID(),
      type: 'object',
      properties: inside,
    })
    const made = await bed.datasets.create(bed.caller, {
      name: randomUUID(),
      schema: { kind: 'registered', id },
    })
    const before = more === '' ? 0 : 3_000
    const files = { [`a.${format}`]: await bytesOf(insideRows) }
    const batch = await bed.load(node, made, files, { format, partialIngestionPercentage: 90 })
    expect(batch).toMatchObject({ state: 'success', recordCount: before + 4, failedRecordCount: 6 })
    const counts = batch.errors.map(({ code, rowCount }) => [code, rowCount] as const)
    expect(new Map(counts)).toEqual(
      new Map([
        ['INGEST-1212-400', 6],
        ['INGEST-1401-400', 3],
        ['INGEST-1555-400', 3],
      ]),
    )
    const rejects = await node.ingest.rejects(bed.caller, batch.id, { limit: 10 })
    const reasons = rejects.map(({ row, reason }) => `${row - before}: ${reason}`)
    expect(reasons.toSorted()).toEqual(insideReasons.toSorted())
  },
)

test('a pattern that would keep a backtracking matcher busy for ever is matched at once', async () => {
  const { id } = await bed.schemas.create(bed.caller, 'schemas', {
    title: randomUUID(),
    type: 'object',
    properties: { x: { type: 'string', pattern: '^(?:a+)+$' } },
  })
  const made = await bed.datasets.create(bed.caller, {
    name: randomUUID(),
    schema: { kind: 'registered', id },
  })
  const batch = await bed.load(node, made, { 'a.json': JSON.stringify({ x: `${'a'.repeat(50_000)}b` }) })
  expect(batch).toMatchObject({ state: 'failed', failedRecordCount: 1 })
})
