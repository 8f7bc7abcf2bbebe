import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  // What rows are checked for when they are loaded; schemas and datasets of before have none until the schema changes.
  await sql`alter table schemas add column constraints json not null default '[]'`.execute(db)
  await sql`alter table datasets add column constraints json not null default '[]'`.execute(db)
}
