import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  await sql`alter table alert_subscriptions drop constraint alert_subscriptions_alert_type_check`.execute(db)
  await sql`alter table alert_subscriptions add constraint alert_subscriptions_alert_type_check check (
    alert_type in (
      'start', 'success', 'failure', 'quarantine', 'delay', 'skipped', 'empty', 'shrunken', 'ending', 'late', 'expiring',
      'retrying', 'quota'
    )
  )`.execute(db)
}
