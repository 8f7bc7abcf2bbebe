import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { testMetadata } from '../../test/support/metadata.ts'
import { migrate, type Migration, migrations } from './migrate.ts'

const makes = (table: string): Migration => ({
  name: `make-${table}`,
  up: async (db) => void (await sql`create table ${sql.id(table)} (x integer)`.execute(db)),
})

test('nodes that start together migrate once', async () => {
  await using metadata = await testMetadata()
  const list = [...migrations, makes('one'), makes('two')]
  const results = await Promise.all([1, 2, 3, 4].map(() => migrate(metadata.db, list)))
  const to = list.length
  expect(results.filter((result) => result.from !== to)).toEqual([{ from: migrations.length, to }])
})

test('a migration that fails leaves the database as it was', async () => {
  await using metadata = await testMetadata()
  const broken: Migration = { name: 'broken', up: () => Promise.reject(new Error('broken')) }
  await expect(migrate(metadata.db, [...migrations, makes('one'), broken])).rejects.toThrow('broken')
  const { rows } = await sql`select to_regclass('one') as found`.execute(metadata.db)
  expect(rows).toEqual([{ found: null }])
  await expect(migrate(metadata.db)).resolves.toEqual({ from: migrations.length, to: migrations.length })
})

test('a database newer than the code is refused, and one with another history too', async () => {
  await using metadata = await testMetadata()
  await migrate(metadata.db, [...migrations, makes('one')])
  await expect(migrate(metadata.db)).rejects.toMatchObject({ code: 'metadata.newer' })
  await expect(migrate(metadata.db, [...migrations, makes('other')])).rejects.toMatchObject({
    code: 'metadata.newer',
  })
})
