import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    alter table export_settings add column entitled_tier text
    check (entitled_tier in ('Prime', 'Ultimate'))`.execute(db)
}
