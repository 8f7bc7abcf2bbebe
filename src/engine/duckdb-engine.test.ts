import { tableFromIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { column, never, testEngine, type TestEngine } from '../../test/support/engine.ts'
import type { Encoding } from '#encode/encoding.ts'
import { arrayType, type DataType, type Field, stringType } from '#types/data-type.ts'

let its: TestEngine
beforeAll(async () => {
  its = await testEngine()
})
afterAll(() => its[Symbol.asyncDispose]())

const id = column('id', 'long')

async function openIds(rowCount: number, encoding: Encoding = { kind: 'jsonRows' }) {
  return await its.engine.open(
    { sql: `SELECT i AS id FROM range(${rowCount}) AS t(i)`, files: [], pool: 'interactive' },
    { encoding, columns: [id], signal: never },
  )
}

const lines = (bytes: Uint8Array) => Buffer.from(bytes).toString().split('\n').filter(Boolean)

describe('pulls', () => {
  test('give at most the rows asked for, in order, and end', async () => {
    await using pull = await openIds(5000)
    const first = await pull.pull({ rowCountMax: 3, bytesMax: 1e6 })
    expect([first.rowCount, first.state, lines(first.bytes)]).toEqual([3, 'more', ['[0]', '[1]', '[2]']])
    const second = await pull.pull({ rowCountMax: 4000, bytesMax: 1e6 })
    expect([second.rowCount, second.state, lines(second.bytes)[0]]).toEqual([4000, 'more', '[3]'])
    const rest = await pull.pull({ rowCountMax: Infinity, bytesMax: 1e6 })
    expect([rest.rowCount, rest.state, lines(rest.bytes).at(-1)]).toEqual([997, 'done', '[4999]'])
    expect(await pull.pull({ rowCountMax: 1, bytesMax: 1 })).toMatchObject({ rowCount: 0, state: 'done' })
  })

  test('give about the bytes asked for, and at least one row', async () => {
    const columns = [column('text', 'string')]
    await using pull = await its.engine.open(
      { sql: "SELECT repeat('x', 100000) FROM range(200)", files: [], pool: 'batch' },
      { encoding: { kind: 'jsonRows' }, columns, signal: never },
    )
    expect((await pull.pull({ rowCountMax: 1000, bytesMax: 1 })).rowCount).toBe(1)
    let rowCount = 1
    for (let state = 'more'; state === 'more';) {
      const chunk = await pull.pull({ rowCountMax: 1000, bytesMax: 500_000 })
      expect(chunk.bytes.length).toBeLessThan(700_000)
      rowCount += chunk.rowCount
      state = chunk.state
    }
    expect(rowCount).toBe(200)
  })

  test('come as they lie in their file, also the first few', async () => {
    const { files } = await its.copy('SELECT i FROM range(1_000_000) AS t(i)', {
      kind: 'parquet',
      compression: 'zstd',
      orderBy: ['i'],
    })
    const { path } = files[0]!
    const read = async (rest: string): Promise<number[]> => {
      const rows = await its.rows(`SELECT i::VARCHAR FROM read_parquet('${path}') ${rest}`, { files: [path] })
      return rows.map(([text]) => Number(text))
    }
    const all = await read('WHERE i % 5 = 0')
    expect(all).toHaveLength(200_000)
    expect(all.every((value, index) => value === index * 5)).toBe(true)
    expect(await read('WHERE i > 400000 LIMIT 3')).toEqual([400_001, 400_002, 400_003])
  })

  test('that are empty come as often as they are asked for', async () => {
    for (let time = 0; time < 8; time += 1) expect(await its.rows('SELECT 1 WHERE false')).toEqual([])
  })

  test('many statements run beside each other, more than there are places', async () => {
    const counts = await Promise.all(
      Array.from({ length: 20 }, (_, index) => its.rows(`SELECT count(*)::VARCHAR FROM range(${index})`)),
    )
    expect(counts).toEqual(Array.from({ length: 20 }, (_, index) => [[String(index)]]))
    expect(its.engine.status().children.map(({ statements }) => statements)).toEqual([0, 0])
  })

  test('may end with no rows at all, statement after statement', async () => {
    const columns = [column('text', 'string')]
    for (const encoding of [{ kind: 'jsonRows' }, { kind: 'postgres', formats: [0] }] as const) {
      for (let round = 0; round < 3; round++) {
        await using pull = await its.engine.open(
          { sql: 'SELECT i::VARCHAR FROM range(2) AS r(i)', files: [], pool: 'interactive' },
          { encoding, columns, signal: never },
        )
        const counts: number[] = []
        for (let state = 'more'; state === 'more';) {
          const chunk = await pull.pull({ rowCountMax: 1, bytesMax: 1e6 })
          counts.push(chunk.rowCount)
          state = chunk.state
        }
        expect(counts).toEqual([1, 1, 0])
      }
    }
  })

  test('rows made before they are asked for are those of the next pull', async () => {
    await using pull = await openIds(5000)
    const all: string[] = []
    const sizes: number[] = []
    for (let state = 'more'; state === 'more';) {
      const chunk = await pull.pull({ rowCountMax: 700, bytesMax: 1e6, goesOn: true })
      all.push(...lines(chunk.bytes))
      sizes.push(chunk.rowCount)
      state = chunk.state
    }
    expect(sizes).toEqual([700, 700, 700, 700, 700, 700, 700, 100])
    expect(all).toEqual(Array.from({ length: 5000 }, (_, i) => `[${i}]`))
  })

  test('a pull that asks for less than was promised fails, and the statement with it', async () => {
    await using pull = await openIds(5000)
    await pull.pull({ rowCountMax: 700, bytesMax: 1e6, goesOn: true })
    await expect(pull.pull({ rowCountMax: 699, bytesMax: 1e6 })).rejects.toMatchObject({ code: 'internal' })
    await expect(pull.pull({ rowCountMax: 700, bytesMax: 1e6 })).rejects.toThrow()
  })

  test('ending early leaves the place to others, whether rows are made ahead or not', async () => {
    for (let round = 0; round < 6; round++) {
      const pulls = await Promise.all(Array.from({ length: 4 }, () => openIds(1e9)))
      for (const pull of pulls.slice(0, round % 3))
        await pull.pull({ rowCountMax: 10_000, bytesMax: 1e6, goesOn: true })
      await Promise.all(pulls.map((pull) => pull[Symbol.asyncDispose]()))
    }
    expect(its.engine.status().children.map(({ statements }) => statements)).toEqual([0, 0])
  })
})

describe('encodings', () => {
  const columns: Field[] = [id, column('text', 'string')]
  const sql = "SELECT * FROM (VALUES (1, 'a,b'), (2, NULL))"
  const encoded = async (encoding: Encoding, query = sql) =>
    await its.bytes(query, { encoding, columns, files: [], pool: 'interactive', signal: never })

  test.each([
    ['jsonLines', { kind: 'jsonLines' }, '{"id":1,"text":"a,b"}\n{"id":2}\n'],
    [
      'jsonLines with NULLs',
      { kind: 'jsonLines', keepsNulls: true },
      '{"id":1,"text":"a,b"}\n{"id":2,"text":null}\n',
    ],
    ['jsonRows', { kind: 'jsonRows' }, '[1,"a,b"]\n[2,null]\n'],
    ['csv', { kind: 'csv', header: true }, 'id,text\n1,"a,b"\n2,\n'],
    ['csv without header', { kind: 'csv', header: false }, '1,"a,b"\n2,\n'],
  ] as const)('%s', async (_name, encoding, text) => {
    expect((await encoded(encoding)).toString()).toBe(text)
  })

  test('postgres, text and binary', async () => {
    const bytes = await encoded({ kind: 'postgres', formats: [1, 0] })
    const first = '4400000019000200000008000000000000000100000003612c62'
    expect(bytes.toString('hex')).toBe(`${first}44000000160002000000080000000000000002ffffffff`)
  })

  test.each([
    [
      'rows',
      sql,
      [
        { id: 1n, text: 'a,b' },
        { id: 2n, text: null },
      ],
    ],
    ['no rows', `${sql} WHERE false`, []],
  ])('arrow with %s', async (_name, query, expected) => {
    const table = tableFromIPC(await encoded({ kind: 'arrow' }, query))
    expect(table.schema.fields.map((field) => field.name)).toEqual(['id', 'text'])
    expect(table.toArray().map((row) => row.toJSON())).toEqual(expected)
  })
})

describe('large rows', () => {
  const columns = [column('text', 'string')]
  const copy = { kind: 'text', delimiter: '\t', null: '\\N', header: true } as const
  const encodings: readonly Encoding[] = [
    { kind: 'jsonRows' },
    { kind: 'csv', header: true },
    { kind: 'arrow' },
    { kind: 'postgres', formats: [0] },
    { kind: 'copy', form: copy },
    { kind: 'copy', form: { kind: 'binary' } },
  ]
  const pulled = async (sql: string, encoding: Encoding) =>
    await its.bytes(sql, { encoding, columns, files: [], pool: 'interactive', signal: never })

  test.each(encodings)('that are too many for one piece come in several: %o', async (encoding) => {
    const [rowCount, length] = [60, 3_000_000]
    const bytes = await pulled(`SELECT repeat('x', ${length}) FROM range(${rowCount})`, encoding)
    // Nothing else that is sent has so many of the letter.
    const letters = bytes.reduce((count, byte) => count + (byte === 0x78 ? 1 : 0), 0)
    expect(Math.floor(letters / length)).toBe(rowCount)
    expect(bytes.length).toBeLessThan(rowCount * (length + 1_000))
  })

  test('of more than can be sent fail, and nothing else does', async () => {
    await using large = await testEngine({ memoryBytes: 2 ** 34 })
    for (const encoding of encodings) {
      const given = { encoding, columns, files: [], pool: 'interactive', signal: never } as const
      await expect(large.bytes("SELECT repeat('x', 140000000)", given)).rejects.toMatchObject({
        code: 'query.limit',
        message: 'A row of the result is larger than 64 MiB.',
      })
    }
    const lists: Field[] = [{ name: 'texts', type: arrayType(stringType) }]
    const listsSql = (count: number, rowCount: number) =>
      `SELECT list_transform(range(${count}), lambda i: t) FROM (SELECT repeat('x', 1000000) AS t), range(${rowCount})`
    for (const encoding of encodings.filter(({ kind }) => kind !== 'copy')) {
      const given = { encoding, columns: lists, files: [], pool: 'interactive', signal: never } as const
      await expect(large.bytes(listsSql(80, 1), given)).rejects.toMatchObject({ code: 'query.limit' })
      const bytes = await large.bytes(listsSql(3, 40), given)
      expect(Math.floor(bytes.reduce((count, byte) => count + (byte === 0x78 ? 1 : 0), 0) / 1e6)).toBe(120)
    }
    expect(await large.rows("SELECT 'fine'")).toEqual([['fine']])
    expect(large.engine.status().restarts).toBe(0)
  })
})

describe('types', () => {
  const struct: DataType = { kind: 'struct', fields: [id, column('text', 'string')] }
  const cases: readonly [DataType, string, unknown][] = [
    [{ kind: 'boolean' }, 'true', true],
    [{ kind: 'byte' }, '(-128)::TINYINT', -128],
    [{ kind: 'short' }, '32767::SMALLINT', 32_767],
    [{ kind: 'integer' }, '-2147483647', -2_147_483_647],
    [{ kind: 'long' }, '4503599627370496', 4_503_599_627_370_496],
    [{ kind: 'float' }, '0.1::FLOAT', 0.1],
    [{ kind: 'double' }, "'-inf'::DOUBLE", '-Infinity'],
    [{ kind: 'decimal', precision: 38, scale: 2 }, '-1234.50::DECIMAL(38, 2)', -1234.5],
    [{ kind: 'string' }, "'ünï\u{1F600}'", 'ünï\u{1F600}'],
    [{ kind: 'binary' }, "'\\xAB\\x00'::BLOB", 'ab00'],
    [{ kind: 'date' }, "DATE '1969-12-31'", '1969-12-31'],
    [{ kind: 'timestamp' }, "TIMESTAMPTZ '2020-01-02 03:04:05.000006+01'", '2020-01-02T02:04:05.000006Z'],
    [{ kind: 'timestamp_ntz' }, "TIMESTAMP '1900-01-02 03:04:05'", '1900-01-02T03:04:05.000'],
    [{ kind: 'array', element: { kind: 'integer' } }, '[1, NULL]', [1, null]],
    [{ kind: 'map', key: { kind: 'string' }, value: { kind: 'long' } }, "MAP {'a': 1::BIGINT}", { a: 1 }],
    [struct, "{'id': 1::BIGINT, 'text': NULL::VARCHAR}", { id: 1 }],
    [
      { kind: 'array', element: struct },
      "[{'id': 1::BIGINT, 'text': 'x'}, NULL]",
      [{ id: 1, text: 'x' }, null],
    ],
    [
      { kind: 'array', element: { kind: 'struct', fields: [column('__proto__', 'long'), id] } },
      "[{'__proto__': 1::BIGINT, 'id': 2::BIGINT}, {'__proto__': NULL::BIGINT, 'id': 3::BIGINT}]",
      JSON.parse('[{"__proto__":1,"id":2},{"id":3}]'),
    ],
    [{ kind: 'void' }, 'NULL', null],
  ]
  const read = async (type: DataType, expression: string) =>
    (await its.rows(`SELECT ${expression} AS value`, { columns: [{ name: 'value', type }] }))[0]![0]

  test.each(cases)('$kind', async (type, expression, expected) => {
    expect(await read(type, expression)).toEqual(expected)
    expect(await read(type, `CASE WHEN false THEN ${expression} END`)).toBeNull()
  })

  test.each(cases)('$kind is described', async (type, expression) => {
    const sql = `SELECT ${expression} AS value`
    const described = await its.engine.describe({ sql, files: [], pool: 'interactive' }, { signal: never })
    // DuckDB has an integer where we know that there is nothing.
    expect(described).toEqual([{ name: 'value', type: type.kind === 'void' ? { kind: 'integer' } : type }])
  })

  test('intervals', async () => {
    const value = await read({ kind: 'interval' }, "INTERVAL '1 month 2 days 3 seconds'")
    expect(value).toMatch(/^1 mon.* 2 days /)
  })

  test.each([
    [{ kind: 'long' }, 'sum(i)', 6],
    [
      { kind: 'string' },
      "max('8c6f0a8e-8a0f-4b5e-9f43-6c6f63616c31'::UUID)",
      '8c6f0a8e-8a0f-4b5e-9f43-6c6f63616c31',
    ],
    [{ kind: 'decimal', precision: 10, scale: 1 }, 'max(i)', 3],
    [{ kind: 'timestamp' }, "max(DATE '2020-01-01')", '2020-01-01T00:00:00.000Z'],
  ] as const)(
    "what the engine has as another type is given as the binder's %s",
    async (type, expression, expected) => {
      const rows = await its.rows(`SELECT ${expression} FROM range(4) AS t(i) -- comment`, {
        columns: [{ name: 'value', type }],
      })
      expect(rows).toEqual([[expected]])
    },
  )
})

test.each([
  ["SELECT error('the reason')", 'query.failed', 'the reason'],
  ["SELECT 'x'::INTEGER", 'query.failed', "The text 'x' cannot be converted to int."],
  ['SELECT sum(i)::INTEGER FROM range(100000) t(i)', 'query.failed', /out of range/],
])('%s fails with %s', async (sql, code, message) => {
  const failed = its.rows(sql)
  await expect(failed).rejects.toThrow(message)
  await expect(failed).rejects.toMatchObject({ code })
})
