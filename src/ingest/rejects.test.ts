import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { errorsBytesMax, RejectLog } from './rejects.ts'

test('a log of rejects ends when it takes many times the room of what was sent', async () => {
  const folder = await mkdtemp('/tmp/sluice-rejects-')
  try {
    const path = join(folder, 'errors.jsonl')
    const rejects = new RejectLog(path, 10_000)
    const refuse = async (): Promise<void> => {
      for (let row = 1; row <= 200; row += 1) {
        rejects.add({
          fileName: 'a.json',
          row,
          code: 'INGEST-1401-400',
          reason: 'it is not JSON',
          record: 'x',
        })
        await rejects.flush()
      }
    }
    await expect(refuse()).rejects.toMatchObject({
      code: 'ingest.invalid',
      detail: { batchCode: 'INGEST-1212-400' },
    })
    expect((await readFile(path)).byteLength).toBeLessThan(10_500)
    await rejects.forget()
    rejects.add({
      fileName: 'a.json',
      row: 1,
      code: 'INGEST-1401-400',
      reason: 'it is not JSON',
      record: 'x',
    })
    await rejects.flush()
    expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(2)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('what may be told of packed files is bounded by what was sent', () => {
  expect(errorsBytesMax([])).toBe(1024 ** 3)
  expect(errorsBytesMax([{ bytes: 10 }, { bytes: 20 }])).toBe(1024 ** 3 + 120)
})
