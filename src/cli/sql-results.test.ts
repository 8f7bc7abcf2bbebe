import { expect, test } from 'vitest'
import { fc } from '../../test/support/fast-check.ts'
import { type ResultFormat, printerFor } from './sql-printer.ts'
import { readResults, type ResultEvent } from './sql-results.ts'
import type { Terminal } from './terminal.ts'

const answer = [
  '{"notice":"hello"}',
  '{"columns":[{"name":"id","type":"bigint"},{"name":"text","type":"string"},{"name":"list","type":"array<decimal(38,2)>"}]}',
  '[9007199254740993,"a,\\"b\\"\\nc",[123456789012345678901234567890.10,null]]',
  '[null,"",null]',
  '{"tag":"SELECT 2","rowCount":2}',
  '{"tag":"INSERT 0 5","rowCount":5}',
].join('\n')

async function* inPieces(text: string, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  const ends = [
    ...cuts.map((cut) => cut % bytes.byteLength).sort((one, other) => one - other),
    bytes.byteLength,
  ]
  let start = 0
  for (const end of ends) {
    yield bytes.subarray(start, end)
    start = end
  }
}

async function printed(format: ResultFormat): Promise<{ out: string; notes: string[] }> {
  let out = ''
  const notes: string[] = []
  const terminal = {
    write: async (text: string) => void (out += text),
    note: (text: string) => void notes.push(text),
    style: { dim: (text: string) => text },
  } as unknown as Terminal
  const print = printerFor(format, terminal)
  for await (const event of readResults(inPieces(answer, []))) await print(event)
  return { out, notes }
}

test('CSV keeps numbers as written, quotes what it must, and tells NULL from empty', async () => {
  expect(await printed('csv')).toEqual({
    out: 'id,text,list\n9007199254740993,"a,""b""\nc","[123456789012345678901234567890.10,null]"\n,"",\n',
    notes: ['hello', 'INSERT 0 5'],
  })
})

test('JSON keeps numbers as written', async () => {
  expect((await printed('json')).out).toBe(
    '[\n  {"id":9007199254740993,"text":"a,\\"b\\"\\nc","list":[123456789012345678901234567890.10,null]},\n  {"id":null,"text":"","list":null}\n]\n',
  )
})

test('the table is for eyes', async () => {
  expect((await printed('table')).out.split('\n')).toEqual([
    '              id  text     list',
    `${'─'.repeat(16)}  ${'─'.repeat(7)}  ${'─'.repeat(40)}`,
    '9007199254740993  a,"b"⏎c  [123456789012345678901234567890.10,null]',
    '',
    '(2 rows)',
    'INSERT 0 5',
    '',
  ])
})

test('wherever the bytes are cut, the same comes of them', async () => {
  const text = answer.replace('hello', 'größe 😀')
  const collect = async (cuts: readonly number[]) => {
    const events: ResultEvent[] = []
    for await (const event of readResults(inPieces(text, cuts))) events.push(event)
    return JSON.stringify(events)
  }
  const whole = await collect([])
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 10_000 }), { maxLength: 12 }), async (cuts) => {
      expect(await collect(cuts)).toBe(whole)
    }),
    { numRuns: 60 },
  )
})

test('a failure on the way ends the reading with its words', async () => {
  const events = readResults(
    inPieces(
      '{"columns":[]}\n{"error":{"code":"query.failed","message":"A cast failed.","hint":"Try."}}\n',
      [],
    ),
  )
  await events.next()
  await expect(events.next()).rejects.toMatchObject({ exitCode: 1, message: 'A cast failed.', hint: 'Try.' })
})
