import { closeSync, constants, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { passableFolder } from '../../../test/support/passable-folder.ts'
import { makePipe } from './pipe.ts'
import type { TextForm } from './text-files.ts'
import { TextThread } from './text-thread.ts'

const folder = passableFolder('text-thread')
const thread = new TextThread((error) => {
  throw error
})
afterAll(() => rmSync(folder, { recursive: true }))
const form: TextForm = {
  folder,
  kind: 'json',
  extension: '.json',
  compression: 'none',
  header: new Uint8Array(),
}

/** A pipe of which some lines are written, and then no more. */
async function someLines(count: number) {
  const pipe = await makePipe(folder)
  const writer = openSync(pipe.path, constants.O_WRONLY | constants.O_NONBLOCK)
  const write = (): number => writeSync(writer, '{"a":1}\n'.repeat(count))
  write()
  return {
    reader: pipe.reader,
    write,
    end: () => {
      pipe.end()
      closeSync(writer)
    },
  }
}

test('lines become files, whose names rise with their rows', async () => {
  const lines = await someLines(1_000)
  let rowCount = 0
  await using writing = await thread.write(lines.reader, { ...form, fileBytesMax: 800 }, (count) => {
    rowCount += count
  })
  for (const sum of [1_000, 2_000]) {
    // Up to a piece, which seven rows fill.
    await vi.waitFor(() => expect(rowCount).toBeGreaterThan(sum - 7), 30_000)
    lines.write()
  }
  lines.end()
  const files = await writing.files
  const paths = files.map(({ path }) => path)
  expect(files.reduce((sum, file) => sum + file.rowCount, 0)).toBe(3_000)
  expect(Math.max(...files.map((file) => file.bytes))).toBeLessThanOrEqual(800)
  expect(paths).toEqual(paths.toSorted())
  expect(paths.map((path) => readFileSync(path, 'utf8')).join('')).toBe('{"a":1}\n'.repeat(3_000))
})

test('what cannot be written fails alone', async () => {
  const [good, bad] = [await someLines(3), await someLines(3)]
  await using failing = await thread.write(bad.reader, { ...form, folder: join(folder, 'none') }, () => {})
  await using writing = await thread.write(good.reader, form, () => {})
  bad.end()
  await expect(failing.files).rejects.toThrow('ENOENT')
  good.end()
  expect(await writing.files).toMatchObject([{ rowCount: 3 }])
})

test('what is stopped is read no further', async () => {
  const lines = await someLines(3)
  const writing = await thread.write(lines.reader, form, () => {})
  await writing[Symbol.asyncDispose]()
  await expect(writing.files).rejects.toThrow('Premature close')
  expect(lines.write).toThrow('EPIPE')
})

test('it is told when the thread dies', async () => {
  const died = Promise.withResolvers<unknown>()
  const dying = new TextThread(died.resolve)
  const lines = await someLines(3)
  const reading = vi.fn()
  await dying.write(lines.reader, { ...form, fileBytesMax: 8 }, reading)
  await vi.waitFor(() => expect(reading).toHaveBeenCalled(), 30_000)
  // No pipe: a mistake that the thread does not expect.
  await dying.write(openSync(import.meta.filename, 'r'), form, () => {})
  expect(await died.promise).toMatchObject({ code: 'ERR_INVALID_FD_TYPE' })
  await vi.waitFor(() => expect(lines.write).toThrow('EPIPE'), 30_000)
})
