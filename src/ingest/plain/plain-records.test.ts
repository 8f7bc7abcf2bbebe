import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '#engine/engine.ts'
import { longType, structType } from '#types/data-type.ts'
import { prepareText } from '../prepare-text.ts'
import { RejectLog } from '../rejects.ts'
import { jsonForm, type PlainForm } from './plain-form.ts'
import { PlainRecords } from './plain-records.ts'

let folder: string
let count = 0
const { signal } = new AbortController()
const newPath = () => join(folder, `${(count += 1)}`)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-plain-records-'))
})
afterAll(async () => await rm(folder, { recursive: true }))

const longs = (names: readonly string[]) => ({
  columns: structType(names.map((name) => ({ name, type: longType }))),
  required: [],
  constraints: [],
})

describe('files of CSV of several headers', () => {
  async function prepared(texts: readonly string[], names: readonly string[]) {
    const files = texts.map((_, index) => ({ path: newPath(), fileName: `${index}` }))
    for (const [index, text] of texts.entries()) await writeFile(files[index]!.path, text)
    return await prepareText(files, {
      format: 'csv',
      isMultiLineJson: false,
      table: longs(names),
      path: newPath(),
      rejects: new RejectLog(),
      engine: undefined as unknown as Engine, // It is asked where there are constraints.
      signal,
      plainBytesMin: 0,
    })
  }

  test('each has a file of its own for the plain records of those with others', async () => {
    const { files, rowCount } = await prepared(
      ['a,b\n1,2\n', 'b,a\n1,2\n 3,4\n', 'a,b\n1,2\n 3,4\n'],
      ['a', 'b'],
    )
    expect(rowCount).toBe(5)
    expect(files.filter((path) => /-plain-\d+$/.test(path))).toHaveLength(2)
  })

  test('of more than a query can have our readers read the files', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `c${index}`)
    const { files, rowCount, sql } = await prepared(
      names.map((name, index) => `${name},${names[index === 0 ? 1 : 0]}\n1,2\n 3,4\n`),
      names,
    )
    expect(rowCount).toBe(80)
    expect(files.filter((path) => /-plain-\d+$/.test(path))).toHaveLength(32)
    expect(sql.match(/UNION ALL/g)).toHaveLength(32)
  })
})

describe('taking plain records out', () => {
  const line = '{"a":1,"b":2}\n'
  const form = (names: readonly string[], head: string): PlainForm => jsonForm(head, longs(names))!

  test('what was taken is in memory for one text only', async () => {
    await using records = await PlainRecords.create(newPath(), form(['a', 'b'], line))
    expect(records.sieve(records.form)(`${line}x`, 0)).toBe(line.length)
    await records.flush()
    expect(await readFile(records.path, 'utf8')).toBe(line)
  })

  test('where most records are not plain the rest is not looked at', async () => {
    await using records = await PlainRecords.create(newPath(), form(['a', 'b'], line))
    const sieve = records.sieve(records.form)
    const odd = '{"a":"x"}\n'
    for (let index = 0; index < 990; index += 1) expect(sieve(odd, 0)).toBe(0)
    expect(sieve(line, 0)).toBe(line.length)
    for (let index = 0; index < 20; index += 1) expect(sieve(odd, 0)).toBe(0)
    expect(sieve(line, 0)).toBe(0)
    expect(records.sieve(records.form)(line, 0)).toBe(line.length)
  })
})
