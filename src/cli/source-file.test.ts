import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { firstLines, sampleOf, sourceFile } from './source-file.ts'

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-source-'))
  onTestFinished(() => rm(path, { recursive: true }))
  return path
}

test('the format is guessed by extension, then by content, and asked for when nothing tells', async () => {
  const path = await folder()
  await writeFile(join(path, 'a.NDJSON.gz'), gzipSync('{}\n'))
  await writeFile(join(path, 'b.txt'), 'id,name\n1,x\n')
  await writeFile(join(path, 'c.data'), ' {"a":1}\n')
  await writeFile(join(path, 'd.bin'), Buffer.from([0, 1, 2]))
  await copyFile('examples/ga4/events.parquet', join(path, 'e'))
  const formatOf = async (name: string) => (await sourceFile(join(path, name), undefined)).format
  expect(await Promise.all(['a.NDJSON.gz', 'b.txt', 'c.data', 'e'].map(formatOf))).toEqual([
    'json',
    'csv',
    'json',
    'parquet',
  ])
  await expect(formatOf('d.bin')).rejects.toMatchObject({
    exitCode: 2,
    hint: expect.stringContaining('--format') as string,
  })
  await expect(formatOf('none.csv')).rejects.toMatchObject({ exitCode: 3 })
})

test('of a packed text the server sees plain lines', async () => {
  const path = await folder()
  await writeFile(join(path, 'a.csv.gz'), gzipSync('id\n1\n'))
  const sample = sampleOf(await sourceFile(join(path, 'a.csv.gz'), undefined))
  expect([sample.fileName, (await buffer(sample.bytes)).toString()]).toEqual(['a.csv', 'id\n1\n'])
})

test('a sample ends after a whole line', async () => {
  const text = 'one\ntwo\nthree\nfour\n'
  async function* pieces() {
    for (const letter of text) yield Buffer.from(letter)
  }
  const sample = async (bytesMax: number) => (await buffer(firstLines(pieces(), bytesMax))).toString()
  expect(await sample(100)).toBe(text)
  expect(await sample(5)).toBe('one\ntwo\n')
  expect(await sample(8)).toMatch(/^one\ntwo\n(?:three\n)?$/)
})
