import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  // Of `skipped`, in percent of the rows that were read; absent: as where nobody says otherwise.
  await sql.raw('alter table alert_subscriptions add column skipped_percent double precision').execute(db)
}
