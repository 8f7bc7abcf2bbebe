import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  // Batches whose rows go when those of this one come.
  await sql`alter table batches add column predecessors json not null default '[]'`.execute(db)
}
