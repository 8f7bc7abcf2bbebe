import { describe, expect, test } from 'vitest'
import { arrayType, type Field, longType, mapType, stringType } from '#types/data-type.ts'
import { bed, node } from '../../test/support/one-ingest.ts'

const columns: readonly Field[] = [
  { name: 'id', type: longType },
  { name: 'name', type: stringType },
  { name: 'tags', type: arrayType(stringType) },
  { name: 'more', type: mapType(stringType, stringType) },
]

const depth = 200_000
const deep = '['.repeat(depth) + ']'.repeat(depth)
const deepObject = '{"a":'.repeat(depth) + '1' + '}'.repeat(depth)

test.each([
  ['depth where a number belongs', `{"id":${deep}}`],
  ['depth where a text belongs', `{"id":7,"name":${deep}}`],
  ['depth in an array', `{"id":7,"tags":${deep}}`],
  ['depth in a map', `{"id":7,"more":${deepObject}}`],
  ['depth beside a long number', `{"id":1234567890123456789,"name":${deep}}`],
  ['depth without an end', `{"id":7,"name":${'['.repeat(depth)}`],
  ['a text of great length where a number belongs', `{"id":"${'x'.repeat(1_000_000)}"}`],
  ['an unknown field of a great name', `{"${'x'.repeat(1_000_000)}":1}`],
  [
    'more keys than are read',
    `{"id":7,"more":{${Array.from({ length: 100_001 }, (_, n) => `"k${n}" :"v"`).join()}}}`,
  ],
  ['a NUL', '{"id":7,"name":"a\\u0000b"}'],
  ['half a character', '{"id":7,"name":"\\ud800"}'],
  ['a NUL in an array', '{"id":7,"tags":["a\\u0000b"]}'],
  ['half a character in an array', '{"id":7,"tags":["\\ud800"]}'],
  ['a NUL in the key of a map', '{"id":7,"more":{"a\\u0000b":"c"}}'],
])('%s is one refused row with a short reason; the others are loaded', async (_what, row) => {
  const dataset = await bed.dataset(columns)
  const text = `{"id":1,"name":"before"}\n${row}\n{"id":2,"name":"after"}\n`
  const batch = await bed.load(node, dataset, { 'a.json': text }, { partialIngestionPercentage: 50 })
  expect(batch).toMatchObject({ state: 'success', recordCount: 2, failedRecordCount: 1 })
  const [reject] = await node.ingest.rejects(bed.caller, batch.id, { limit: 10 })
  expect(reject).toMatchObject({ row: 2, code: 'INGEST-1401-400' })
  expect(reject?.reason.length).toBeLessThan(400)
  expect(reject?.record.length).toBeLessThan(5_000)
  expect((await bed.rows(dataset)).map(([id]) => id)).toEqual([1, 2])
})

describe.each([0, 10_000])('among %i plain records', (count) => {
  const plain = (line: (id: number) => string) => Array.from({ length: count }, (_, id) => line(id)).join('')
  test.each([
    [
      'json',
      `${plain((id) => `{"id":${id},"name":"plain"}\n`)}{"id":-7,"name":"a\\u0000b","tags":["\\u0000"],"more":{"\\u0000":"c"}}\n`,
    ],
    [
      'csv',
      `id,name,tags,more\n${plain((id) => `${id},plain,,\n`)}-7,"a\0b","[""\\u0000""]","{""\\u0000"":""c""}"\n`,
    ],
  ] as const)(
    'one of %s with U+0000 is loaded as it is, where the batch takes such',
    async (format, text) => {
      const dataset = await bed.dataset(columns)
      const batch = await bed.load(node, dataset, { a: text }, { format, takesNul: true })
      expect(batch).toMatchObject({ state: 'success', recordCount: count + 1 })
      const rows = await bed.rows(dataset)
      expect(rows.filter(([, name]) => name !== 'plain')).toEqual([[-7, 'a\0b', ['\0'], { '\0': 'c' }]])
    },
  )
})

test.each([
  ['few records', 1],
  ['many plain records', 10_000],
])('among %s those that are not UTF-8 are refused, with every byte they had', async (_what, count) => {
  const dataset = await bed.dataset(columns)
  const good = Array.from({ length: count }, (_, index) => `{"id":${index},"name":"\u00e9\u{1F600}"}\n`).join(
    '',
  )
  const bad = [
    '{"id":7,"name":"caf\xe9"}',
    '{"id":7,"more":{"a\xff":"b"}}',
    '\xc0\xaf',
    '{"id":7,"name":"\xe2\x82',
  ]
  const bytes = bad.flatMap((line) => [Buffer.from(good), Buffer.from(`${line}\n`, 'latin1')])
  const whole = Buffer.concat(bytes).subarray(0, -1)
  const batch = await bed.load(node, dataset, { 'a.json': whole }, { partialIngestionPercentage: 80 })
  expect(batch).toMatchObject({ state: 'success', recordCount: count * 4, failedRecordCount: 4 })
  expect(await bed.rows(dataset)).toContainEqual(expect.arrayContaining([0, '\u00e9\u{1F600}']))
  const rejects = await node.ingest.rejects(bed.caller, batch.id, { limit: 10 })
  const bytesOf = (text: string) =>
    text.replaceAll(/[\udc80-\udcff]/g, (half) => String.fromCharCode(half.charCodeAt(0) & 0xff))
  expect(rejects.map(({ row, code, reason, record }) => [row, code, reason, bytesOf(record)])).toEqual(
    bad.map((line, index) => [(count + 1) * (index + 1), 'INGEST-1401-400', 'it is not UTF-8', line]),
  )
})

test.each([
  ['[{"id":1},]', [2]],
  ['[,{"id":1}]', [1]],
  ['[{"id":1} , , {"id":2}]', [2]],
  ['[,]', [1, 2]],
  ['[ ]', []],
])('what is missing in the array %s is a refused row', async (text, rows) => {
  const dataset = await bed.dataset(columns)
  const batch = await bed.load(node, dataset, { 'a.json': text }, { partialIngestionPercentage: 100 })
  const rejects = await node.ingest.rejects(bed.caller, batch.id, { limit: 10 })
  expect([batch.state, rejects.map(({ row }) => row)]).toEqual(['success', rows])
})

test('rows of CSV that are not UTF-8 are refused, a file in UTF-16 is by its name', async () => {
  const dataset = await bed.dataset(columns.slice(0, 2))
  const text = Buffer.from('id,name\n1,x\n2,caf\xe9\n3,"y\n\xff"\n', 'latin1')
  const batch = await bed.load(
    node,
    dataset,
    { 'a.csv': text },
    { format: 'csv', partialIngestionPercentage: 70 },
  )
  expect(batch).toMatchObject({ state: 'success', recordCount: 1, failedRecordCount: 2 })
  const utf16 = Buffer.from('\uFEFF{"id":1}\n', 'utf16le')
  const failed = await bed.load(node, dataset, { 'b.json': utf16 }, { partialIngestionPercentage: 100 })
  expect(failed).toMatchObject({
    state: 'failed',
    errors: [{ description: expect.stringContaining('UTF-16') }],
  })
})

test('a file of nothing but short rows that are refused keeps nobody waiting', async () => {
  const dataset = await bed.dataset(columns)
  let longestMs = 0
  const startedAt = performance.now()
  let last = startedAt
  const beat = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - last)
    last = performance.now()
  }, 5)
  const files = { 'a.json': 'x\n'.repeat(300_000) }
  const batch = await bed.load(node, dataset, files, { partialIngestionPercentage: 100 })
  clearInterval(beat)
  expect(batch).toMatchObject({ state: 'success', failedRecordCount: 300_000 })
  // By its own measure: how fast this machine is, and what else it does, nobody knows.
  expect(longestMs / (performance.now() - startedAt)).toBeLessThan(0.3)
}, 60_000)

test('names that JavaScript gives a meaning are names', async () => {
  const dataset = await bed.dataset(columns)
  const more = '{"__proto__":"a","constructor":"b","toString":"c"}'
  const text = `{"__proto__":{"id":1},"name":"x"}\n{"name":"y","more":${more}}`
  const batch = await bed.load(node, dataset, { 'a.json': text }, { partialIngestionPercentage: 50 })
  const [reject] = await node.ingest.rejects(bed.caller, batch.id, { limit: 10 })
  expect(reject).toMatchObject({ row: 1, reason: expect.stringContaining('__proto__') })
  const keys = JSON.stringify(await bed.rows(dataset))
  for (const name of ['__proto__', 'constructor', 'toString']) expect(keys).toContain(name)
  expect(({} as Record<string, unknown>)['id']).toBeUndefined()
})

test.each([
  ['{"id":1,"id":2}', '"id"'],
  ['{"id":1,"\\u0069d":2}', '"id"'],
  ['{"id":1,"ID":2}', '"id"'],
  ['{"id":1,"more":{"a":"x" , "b":"y","a" :"x"}}', '"a"'],
  ['{"id":1,"name":{"a":[{"b":1,"b":2}]}}', '"b"'],
])('a key that is there twice makes a refused row: %s', async (row, key) => {
  const dataset = await bed.dataset(columns)
  const good = ['{"id":3,"name":"\\":\\" : {\\"a\\":"}', '{"id":4,"more":{"a:":"x","b":"a","c":":"}}']
  const text = [good[0], row, good[1]].join('\n')
  const batch = await bed.load(node, dataset, { 'a.json': text }, { partialIngestionPercentage: 50 })
  const [reject, ...others] = await node.ingest.rejects(bed.caller, batch.id, { limit: 10 })
  expect([reject, others]).toMatchObject([
    { row: 2, code: 'INGEST-1401-400', reason: expect.stringContaining(key), record: row },
    [],
  ])
  expect(reject?.reason).toContain('twice')
  expect((await bed.rows(dataset)).map(([id]) => id)).toEqual([3, 4])
})

test('texts that a spreadsheet would run, and the marks of our own files, come back as they were', async () => {
  const dataset = await bed.dataset(columns)
  const texts = ["=cmd|' /C calc'!A0", '+1', '-2', '@SUM(1)', '\u0001a\u0004n', "'; DROP TABLE x; --"]
  const csv = `name\n${texts.map((text) => `"${text}"`).join('\n')}\n`
  expect(await bed.load(node, dataset, { 'a.csv': csv }, { format: 'csv' })).toMatchObject({ recordCount: 6 })
  const names = (await bed.rows(dataset)).map(([, name]) => String(name))
  expect(names.toSorted()).toEqual(texts.toSorted())
})

test('a file whose columns are asked for is refused by name when it goes too deep', async () => {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`{"a":${deep}}`)
  }
  const file = {
    fileName: 'deep.json',
    format: 'json',
    bytes: bytes(),
    signal: new AbortController().signal,
  } as const
  await expect(node.ingest.inferSchema(bed.caller, file)).rejects.toMatchObject({
    code: 'ingest.invalid',
    message: expect.stringMatching(/"deep.json".*row 1, it is nested too deeply/),
  })
})
