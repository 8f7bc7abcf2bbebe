import { sql } from 'kysely'
import { inject } from 'vitest'
import { silentLogger } from '../../src/base/log.ts'
import { connectMetadata } from '../../src/metadata/connect.ts'
import type { Metadata } from '../../src/metadata/metadata.ts'

let cloned = 0

/** A migrated database of its own for a test, gone with it. */
export async function testMetadata(): Promise<Metadata & { readonly databaseUrl: string }> {
  const { host, user, template } = inject('postgres')
  const name = `test_${process.pid}_${(cloned += 1)}`
  const connection = { host, port: 5432, user }
  const administer = async (statement: ReturnType<typeof sql>) => {
    await using admin = connectMetadata({
      connection: { ...connection, database: 'postgres', max: 1 },
      logger: silentLogger,
    })
    await statement.execute(admin.db)
  }
  await administer(sql`create database ${sql.id(name)} template ${sql.id(template)} strategy file_copy`)
  const metadata = connectMetadata({
    connection: { ...connection, database: name, max: 8 },
    logger: silentLogger,
  })
  return {
    db: metadata.db,
    beside: metadata.beside,
    transaction: (work) => metadata.transaction(work),
    listen: (channel, onNotify) => metadata.listen(channel, onNotify),
    postgresPid: undefined,
    /** For a second connection, or another process, to the same database. */
    databaseUrl: `postgres://${user}@/${name}?host=${encodeURIComponent(host)}`,
    [Symbol.asyncDispose]: async () => {
      await metadata[Symbol.asyncDispose]()
      await administer(sql`drop database if exists ${sql.id(name)} with (force)`)
    },
  }
}
