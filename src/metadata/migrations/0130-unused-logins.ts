import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  // Absent: whether the login is used does not matter, as with that of the home.
  await sql.raw('alter table sql_logins add column used_at timestamptz').execute(db)
}
