import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { column, never, testEngine, type TestEngine } from '../../test/support/engine.ts'

let its: TestEngine
beforeAll(async () => {
  its = await testEngine()
})
afterAll(() => its[Symbol.asyncDispose]())

async function twoFiles(): Promise<[string, string]> {
  const folder = await its.folder()
  const paths = ['one', 'other'].map((name) => join(folder, name)) as [string, string]
  for (const path of paths) writeFileSync(path, path, { mode: 0o644 })
  return paths
}

const texts = [column('text', 'string')]

/** Each instance has a folder of its own. */
const instanceWith = async (...files: string[]): Promise<unknown> =>
  (await its.rows(`SELECT current_setting('temp_directory')`, { columns: texts, files }))[0]![0]

const contentOf = (path: string) => `SELECT content FROM read_text('${path}')`

test('only a statement over the very same files goes on in an instance', async () => {
  const [one, other] = await twoFiles()
  const first = await instanceWith(one)
  expect(await instanceWith(one)).toBe(first)
  expect(await its.rows(contentOf(one), { files: [one] })).toEqual([[one]])
  const seen = new Set([first])
  for (const files of [[other], [one, other], []]) {
    const instance = await instanceWith(...files)
    expect(seen.has(instance)).toBe(false)
    seen.add(instance)
  }
  for (const sql of [contentOf(other), contentOf('/etc/passwd')]) {
    await expect(its.rows(sql, { files: [one] })).rejects.toMatchObject({ code: 'query.failed' })
  }
})

test('a statement goes on where its files were described', async () => {
  const [one, other] = await twoFiles()
  const numberOf = (folder: unknown) => Number(basename(String(folder)))
  const before = numberOf(await instanceWith(other))
  const statement = { sql: contentOf(one), files: [one], pool: 'interactive' } as const
  expect(await its.engine.describe(statement, { signal: never })).toEqual([column('content', 'string')])
  expect(numberOf(await instanceWith(one))).toBe(before + 1)
})

test('nobody goes on where a statement failed, was stopped, or has not ended', async () => {
  const [one] = await twoFiles()
  const first = await instanceWith(one)
  await expect(its.rows(`SELECT error('no')`, { files: [one] })).rejects.toMatchObject({
    code: 'query.failed',
  })
  const second = await instanceWith(one)
  const stopping = new AbortController()
  const endless = its.rows('SELECT i::VARCHAR FROM range(1000000000000) AS r(i)', {
    files: [one],
    signal: stopping.signal,
  })
  stopping.abort()
  await expect(endless).rejects.toMatchObject({ code: 'query.cancelled' })
  const third = await instanceWith(one)
  const statement = { sql: 'SELECT i FROM range(100000) AS r(i)', files: [one], pool: 'interactive' } as const
  const options = { encoding: { kind: 'jsonRows' }, columns: [column('i', 'long')], signal: never } as const
  const open = await its.engine.open(statement, options)
  await open.pull({ rowCountMax: 1, bytesMax: 1 })
  const fourth = await instanceWith(one)
  await open[Symbol.asyncDispose]()
  expect(new Set([first, second, third, fourth, await instanceWith(one)]).size).toBe(4)
})

test('an instance is used again within the share of who uses it', async () => {
  const [one] = await twoFiles()
  const limits = `SELECT current_setting('memory_limit')`
  const bytesOf = async (): Promise<number> => {
    const [[text]] = (await its.rows(limits, { columns: texts, files: [one] })) as [[string]]
    return Number.parseFloat(text) * (text.endsWith('GiB') ? 1024 : 1)
  }
  const alone = await bytesOf()
  const options = { encoding: { kind: 'jsonRows' }, columns: [column('i', 'long')], signal: never } as const
  const others = []
  for (let count = 0; count < 3; count += 1) {
    const statement = { sql: 'SELECT i FROM range(100000) AS r(i)', files: [], pool: 'interactive' } as const
    others.push(await its.engine.open(statement, options))
  }
  const beside = await bytesOf()
  for (const other of others) await other[Symbol.asyncDispose]()
  expect(beside).toBeLessThan(alone / 2)
  expect(await bytesOf()).toBe(alone)
})
