import { expect, test } from 'vitest'
import { rowsOf, uploadLarge } from './support/large-upload.ts'

const bytes = 10 * 1024 ** 3
/** As for 300 MB: it does not depend on the size. */
const riseBytesMax = 300 * 1024 ** 2

test('an upload of 10 GB, and its load, grow the server no more than one of 300 MB', async () => {
  const { rowCount, uploadRiseBytes, loadRiseBytes } = await uploadLarge(bytes)
  expect(rowCount).toBe(rowsOf(bytes))
  expect(uploadRiseBytes).toBeLessThan(riseBytesMax)
  expect(loadRiseBytes).toBeLessThan(riseBytesMax)
}, 3_600_000)
