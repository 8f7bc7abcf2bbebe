import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  // Of the files that a table holds now; those of older versions have none until their next commit.
  await sql`alter table lake_tables add column total_bytes bigint`.execute(db)
}
