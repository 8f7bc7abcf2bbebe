import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    alter table datasets add column managed_by text not null default 'CUSTOMER'
    check (managed_by in ('CUSTOMER', 'SYSTEM'))`.execute(db)
}
