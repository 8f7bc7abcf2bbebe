import { expect, test } from 'vitest'
import { rowsOf, uploadLarge } from './support/large-upload.ts'

const bytes = 300 * 1024 ** 2

test('an upload of 300 MB, and its load, grow the server by far less', async () => {
  const { rowCount, uploadRiseBytes, loadRiseBytes } = await uploadLarge(bytes)
  expect(rowCount).toBe(rowsOf(bytes))
  expect(uploadRiseBytes).toBeLessThan(128 * 1024 ** 2)
  expect(loadRiseBytes).toBeLessThan(256 * 1024 ** 2)
}, 120_000)
