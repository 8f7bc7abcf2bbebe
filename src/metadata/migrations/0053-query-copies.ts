import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  // Where a query's COPY has put its rows.
  await sql`alter table query_log add column copy_uri text`.execute(db)
}
