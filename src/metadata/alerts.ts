import { type Insertable, type Selectable, sql } from 'kysely'
import type { PrincipalId, SandboxId } from '#base/ids.ts'
import type { Db, Transaction } from './metadata.ts'

export interface AlertTables {
  alert_subscriptions: {
    id: string
    sandbox_id: SandboxId
    /** A schedule, a query or a flow. */
    asset_id: string
    alert_type: AlertType
    is_enabled: boolean
    delay_minutes: number | null
    skipped_percent: number | null
    created_at: Date
    created_by: PrincipalId
  }
  alert_subscribers: {
    alert_id: string
    email: string
    in_product: boolean
    by_email: boolean
  }
}

/** `quarantine` is of schedules of queries; from `skipped` on they are of exports. */
export const alertTypes = [
  'start',
  'success',
  'failure',
  'quarantine',
  'delay',
  'skipped',
  'empty',
  'shrunken',
  'ending',
  'late',
  'expiring',
  'retrying',
  'quota',
] as const
export type AlertType = (typeof alertTypes)[number]
export type Subscriber = Pick<
  Selectable<AlertTables['alert_subscribers']>,
  'email' | 'in_product' | 'by_email'
>
export type AlertRow = Selectable<AlertTables['alert_subscriptions']> & {
  readonly subscribers: readonly Subscriber[]
}

/** Makes the alert if there is none, and adds to its subscribers; those who are there get what is said now. */
export async function putAlert(
  tx: Transaction,
  row: Insertable<AlertTables['alert_subscriptions']>,
  subscribers: readonly Subscriber[],
): Promise<void> {
  const { id } = await tx
    .insertInto('alert_subscriptions')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['sandbox_id', 'asset_id', 'alert_type']).doUpdateSet({
        is_enabled: true,
        delay_minutes: row.delay_minutes,
        skipped_percent: row.skipped_percent,
      }),
    )
    .returning('id')
    .executeTakeFirstOrThrow()
  for (const subscriber of subscribers) {
    const { email: _email, ...wishes } = subscriber
    await tx
      .insertInto('alert_subscribers')
      .values({ alert_id: id, ...subscriber })
      .onConflict((conflict) => conflict.columns(['alert_id', 'email']).doUpdateSet(wishes))
      .execute()
  }
}

export interface AlertReach {
  readonly assetId?: string
  readonly alertType?: AlertType
  readonly email?: string
  readonly isEnabled?: boolean
}

export interface AlertPage {
  readonly limit: number
  readonly offset: number
  readonly isDescending?: boolean
}

/** By the time they were made, oldest first unless `isDescending`. */
export async function selectAlerts(
  db: Db,
  sandboxId: SandboxId,
  { assetId, alertType, email, isEnabled }: AlertReach,
  { limit, offset, isDescending = false }: AlertPage,
): Promise<AlertRow[]> {
  const direction = isDescending ? 'desc' : 'asc'
  const rows = await db
    .selectFrom('alert_subscriptions as alert')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .$if(assetId !== undefined, (query) => query.where('asset_id', '=', assetId!))
    .$if(alertType !== undefined, (query) => query.where('alert_type', '=', alertType!))
    .$if(isEnabled !== undefined, (query) => query.where('is_enabled', '=', isEnabled!))
    .$if(email !== undefined, (query) =>
      query.where(
        sql<boolean>`exists (select from alert_subscribers one where one.alert_id = alert.id and one.email = ${email})`,
      ),
    )
    .orderBy('created_at', direction)
    .orderBy('id', direction)
    .limit(limit)
    .offset(offset)
    .execute()
  if (rows.length === 0) return []
  const subscribers = await db
    .selectFrom('alert_subscribers')
    .selectAll()
    .where(
      'alert_id',
      'in',
      rows.map(({ id }) => id),
    )
    .orderBy('email')
    .execute()
  return rows.map((row) => ({ ...row, subscribers: subscribers.filter((one) => one.alert_id === row.id) }))
}

export async function setAlertEnabled(tx: Transaction, id: string, isEnabled: boolean): Promise<void> {
  await tx.updateTable('alert_subscriptions').set({ is_enabled: isEnabled }).where('id', '=', id).execute()
}

export async function deleteAlerts(
  tx: Transaction,
  sandboxId: SandboxId,
  { assetId, alertType }: { readonly assetId: string; readonly alertType?: AlertType },
): Promise<number> {
  const answer = await tx
    .deleteFrom('alert_subscriptions')
    .where('sandbox_id', '=', sandboxId)
    .where('asset_id', '=', assetId)
    .$if(alertType !== undefined, (query) => query.where('alert_type', '=', alertType!))
    .executeTakeFirst()
  return Number(answer.numDeletedRows)
}
