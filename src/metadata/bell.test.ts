import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { testMetadata } from '../../test/support/metadata.ts'
import { cancelBell } from './bell.ts'

test('is heard while all connections are taken that the lake keeps beside the others', async () => {
  const metadata = await testMetadata()
  onTestFinished(() => metadata[Symbol.asyncDispose]())
  const bell = cancelBell(metadata, 'query')
  const words: string[] = []
  await using _hearing = await bell.listen((word) => words.push(word))
  const released = Promise.withResolvers<void>()
  let takenCount = 0
  const takers = Array.from({ length: 4 }, () =>
    metadata.beside.connection().execute(async (db) => {
      await sql`select 1`.execute(db)
      takenCount += 1
      await released.promise
    }),
  )
  try {
    await expect.poll(() => takenCount).toBe(2)
    await bell.ring('session:1')
    await expect.poll(() => words).toEqual(['session:1'])
  } finally {
    released.resolve()
    await Promise.all(takers)
  }
})
