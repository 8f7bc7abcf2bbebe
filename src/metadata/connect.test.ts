import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { testMetadata } from '../../test/support/metadata.ts'

test('each test database is migrated and separate', async () => {
  await using one = await testMetadata()
  await using other = await testMetadata()
  await sql`create table mine (x integer)`.execute(one.db)
  await expect(sql`select * from mine`.execute(other.db)).rejects.toThrow('does not exist')
  const { rows } = await sql<{ n: number }>`select count(*)::integer as n from sluice_migrations`.execute(
    other.db,
  )
  expect(rows).toEqual([{ n: 6 }])
})
