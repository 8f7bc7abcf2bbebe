import { describe, expect, test } from 'vitest'
import { fc } from '../../test/support/fast-check.ts'
import { type CsvFields, csvScanner } from './csv-records.ts'
import { jsonScanner } from './json-records.ts'
import { Malformed, type RecordScanner, recordLengthMax, type TextRecord, Unreadable } from './records.ts'

/** All records of a text that comes in pieces of the lengths given, over and over. */
function recordsOf<T>(scanner: RecordScanner<T>, text: string, lengths: readonly number[]): TextRecord<T>[] {
  const records: TextRecord<T>[] = []
  for (let at = 0, turn = 0; at < text.length; turn += 1) {
    const length = lengths[turn % lengths.length]!
    records.push(...scanner.push(text.slice(at, at + length)))
    at += length
  }
  return [...records, ...scanner.end()]
}

function csv(text: string, lengths: readonly number[] = [7]) {
  let header: readonly string[] = []
  const scanner = csvScanner((names) => {
    header = names
  })
  return { records: recordsOf(scanner, text, lengths), header: () => header }
}

const contents = <T>(records: readonly TextRecord<T>[]) =>
  records.map(({ row, content }) => [row, content instanceof Malformed ? content.reason : content])

/** Numbers that were kept as texts, as numbers. */
const plainOf = (records: readonly TextRecord<object>[]) =>
  JSON.parse(JSON.stringify(contents(records))) as unknown

const pieceLengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 })
const field = fc.oneof(
  fc.constant(null),
  fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', '\n', '\r', ' ', '😀'), maxLength: 8 }),
)

describe('CSV', () => {
  test('any table comes back as it was written, wherever the pieces are cut', () => {
    const table = fc
      .tuple(fc.integer({ min: 2, max: 4 }), fc.constantFrom('\n', '\r\n'), fc.boolean())
      .chain(([width, lineEnd, isEnded]) =>
        fc.record({
          width: fc.constant(width),
          lineEnd: fc.constant(lineEnd),
          isEnded: fc.constant(isEnded),
          rows: fc.array(fc.array(field, { minLength: width, maxLength: width }), { maxLength: 6 }),
        }),
      )
    fc.assert(
      fc.property(table, pieceLengths, ({ width, lineEnd, isEnded, rows }, lengths) => {
        const header = Array.from({ length: width }, (_, index) => `c${index}`)
        const quoted = (value: string | null) => (value === null ? '' : `"${value.replaceAll('"', '""')}"`)
        const lines = [header.join(','), ...rows.map((row) => row.map(quoted).join(','))]
        const text = lines.join(lineEnd) + (isEnded ? lineEnd : '')
        const read = csv(text, lengths)
        expect(contents(read.records)).toEqual(rows.map((row, index) => [index + 1, row]))
        expect(read.header()).toEqual(header)
      }),
      { numRuns: 500 },
    )
  })

  test.each<[string, string, [number, CsvFields | string][]]>([
    [
      'fields without quotes',
      'a,b\n1,x\n2,\n',
      [
        [1, ['1', 'x']],
        [2, ['2', null]],
      ],
    ],
    ['an empty text in quotes', 'a,b\n"",x\n', [[1, ['', 'x']]]],
    ['a quote inside of a plain field', 'a,b\n5" disk,x\n', [[1, ['5" disk', 'x']]]],
    [
      'blank lines',
      'a,b\n\n1,2\r\n\r\n3,4',
      [
        [1, ['1', '2']],
        [2, ['3', '4']],
      ],
    ],
    [
      'empty lines of a single column',
      'a\n1\n\n2\n',
      [
        [1, ['1']],
        [2, [null]],
        [3, ['2']],
      ],
    ],
    ['the last field empty, without a line end', 'a,b\n1,', [[1, ['1', null]]]],
    [
      'too few fields',
      'a,b,c\n1,2\n3,4,5\n',
      [
        [1, 'the row has 2 fields, the header 3'],
        [2, ['3', '4', '5']],
      ],
    ],
    [
      'too many fields',
      'a\n1,2\n3\n',
      [
        [1, 'the row has 2 fields, the header 1'],
        [2, ['3']],
      ],
    ],
    [
      'text after a closing quote',
      'a,b\n"x"y,2\n3,4\n',
      [
        [1, 'text follows the closing quote of a field'],
        [2, ['3', '4']],
      ],
    ],
  ])('%s', (_what, text, expected) => {
    for (const lengths of [[1], [3], [1_000]]) expect(contents(csv(text, lengths).records)).toEqual(expected)
  })

  test('a malformed record is kept as it stands in the file', () => {
    expect(csv('a,b\n1,"x\ny",3\r\n').records).toMatchObject([{ row: 1, raw: '1,"x\ny",3' }])
  })

  test.each([
    ['nothing', '', 'is empty'],
    ['an empty header', '\n1\n', 'empty header'],
    ['a header without a name', 'a,,c\n', 'column 2'],
    ['a name twice', 'a,b,a\n', '"a" twice'],
    ['an open quote', 'a,b\n1,"x\n2,y\n', 'quoted field that begins in row 1'],
    ['an endless row', `a,b\n"${'x'.repeat(recordLengthMax)}`, 'row 1'],
    ['an endless header', 'c,'.repeat(20_000) + 'd\n1\n', 'more than 20000 columns'],
  ])('with %s is unreadable', (_what, text, message) => {
    expect(() => csv(text, [1_000_000])).toThrow(Unreadable)
    expect(() => csv(text, [1_000_000])).toThrow(message)
  })

  // Read anew with each piece, or each name compared with all others, these took half a minute.
  test.each([
    ['a header of commas', ','.repeat(recordLengthMax + 1), 'row 0'],
    ['a row of commas', `a,b\n${','.repeat(recordLengthMax + 1)}`, 'row 1'],
    ['a row of quotes', `a,b\n${'"",'.repeat(recordLengthMax / 2)}`, 'row 1'],
    ['a header of names', Array.from({ length: 600_000 }, (_, at) => `c${at}`).join(',') + '\n', 'columns'],
  ])(
    '%s in small pieces is refused without delay',
    (_what, text, message) => {
      expect(() => csv(text, [256 * 1024])).toThrow(message)
    },
    10_000,
  )

  test('a row of more fields than the header says how many', () => {
    const { records } = csv(`a,b\n${','.repeat(1_000_000)}\n1,2\n`, [256 * 1024])
    expect(contents(records)).toEqual([
      [1, 'the row has 1000001 fields, the header 2'],
      [2, ['1', '2']],
    ])
  })
})

describe('JSON', () => {
  const objects = fc.array(
    fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }),
    {
      minLength: 1,
      maxLength: 6,
    },
  )

  test('lines, arrays and objects of several lines come back, wherever the pieces are cut', () => {
    fc.assert(
      fc.property(objects, pieceLengths, fc.constantFrom(0, 2), (rows, lengths, indent) => {
        const plain = JSON.parse(JSON.stringify(rows)) as unknown[]
        const numbered = plain.map((row, index) => [index + 1, row])
        const lines = rows.map((row) => JSON.stringify(row)).join('\n')
        expect(plainOf(recordsOf(jsonScanner(), lines, lengths))).toEqual(numbered)
        expect(plainOf(recordsOf(jsonScanner(), JSON.stringify(rows, null, indent), lengths))).toEqual(
          numbered,
        )
        const several = rows.map((row) => JSON.stringify(row, null, indent)).join(indent === 0 ? '' : '\n')
        expect(plainOf(recordsOf(jsonScanner({ isMultiLine: true }), several, lengths))).toEqual(numbered)
      }),
      { numRuns: 500 },
    )
  })

  test('what is no object is named by its line; blank lines count', () => {
    const read = contents(recordsOf(jsonScanner(), '{"a":1}\r\n\n[2]\n{"a":\n{"a":3}', [4]))
    expect(read).toMatchObject([
      [1, { a: 1 }],
      [3, 'it is not a JSON object'],
      [4, expect.stringContaining('not JSON')],
      [5, { a: 3 }],
    ])
  })

  test('what is no object in an array is named by its place', () => {
    const read = contents(recordsOf(jsonScanner(), ' [ {"a":"]"}, 2, {"b":tru}, {"a":[{}]} ] ', [3]))
    expect(read).toMatchObject([
      [1, { a: ']' }],
      [2, 'it is not a JSON object'],
      [3, expect.stringContaining('not JSON')],
      [4, { a: [{}] }],
    ])
  })

  test.each([
    ['nothing but blanks', ' \n ', 'is empty'],
    ['half an array', '[{"a":1},{"a"', 'cut off'],
    ['an open text', '[{"a":"1},{"a":2}]', 'cut off'],
    ['text after its array', '[{"a":1}] {"a":2}', 'outside of its array'],
    ['an endless line', `{"a":"${'x'.repeat(recordLengthMax)}`, 'row 1'],
  ])('with %s is unreadable', (_what, text, message) => {
    expect(() => recordsOf(jsonScanner(), text, [1_000_000])).toThrow(message)
  })
})
