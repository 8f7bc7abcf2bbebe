import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  // The pointer also says what the file it names holds; that file says it of its lists, and a list of its manifests.
  await sql`alter table lake_tables add column metadata_sha256 text`.execute(db)
}
