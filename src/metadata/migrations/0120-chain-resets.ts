import { type Kysely, sql } from 'kysely'

/** To which commit the source of a chain was set back since its last delivery: the next manifest says it. */
// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  await sql`alter table export_chains add column reset_to_sequence bigint`.execute(db)
}
