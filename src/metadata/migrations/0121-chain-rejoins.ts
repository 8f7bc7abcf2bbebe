import { type Kysely, sql } from 'kysely'

/** Whether a dataset left its flow and joined it again: the next delivery then holds everything. */
// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  await sql`alter table export_chains add column begins_anew boolean not null default false`.execute(db)
}
