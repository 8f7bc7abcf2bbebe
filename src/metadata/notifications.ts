import type { ColumnType, Insertable, Selectable } from 'kysely'
import type { OrganizationId, PrincipalId, SandboxId } from '#base/ids.ts'
import type { Db, Transaction } from './metadata.ts'
import { lockName } from './lock-name.ts'

export interface NotifyTables {
  notifications: {
    id: string
    sandbox_id: SandboxId
    /** What happened, once. */
    key: string
    topic: string
    title: string
    body: string
    detail: ColumnType<unknown, string, string>
    created_at: Date
  }
  notification_readers: {
    notification_id: string
    email: string
    read_at: Date | null
  }
  webhooks: {
    id: string
    organization_id: OrganizationId
    sandbox_id: SandboxId
    url: string
    topics: string[]
    secret_id: string
    is_enabled: boolean
    created_at: Date
    created_by: PrincipalId
  }
}

export type NotificationRow = Selectable<NotifyTables['notifications']>
export type WebhookRow = Selectable<NotifyTables['webhooks']>

/** False when it was told already. */
export async function insertNotification(
  tx: Transaction,
  row: Insertable<NotifyTables['notifications']>,
  emails: readonly string[],
): Promise<boolean> {
  const answer = await tx
    .insertInto('notifications')
    .values(row)
    .onConflict((conflict) => conflict.columns(['sandbox_id', 'key']).doNothing())
    .executeTakeFirst()
  if (answer.numInsertedOrUpdatedRows !== 1n) return false
  if (emails.length > 0) {
    await tx
      .insertInto('notification_readers')
      .values(emails.map((email) => ({ notification_id: row.id, email, read_at: null })))
      .execute()
  }
  return true
}

export async function selectNotification(db: Db, id: string): Promise<NotificationRow | undefined> {
  return await db.selectFrom('notifications').selectAll().where('id', '=', id).executeTakeFirst()
}

/** Newest first; `read_at` is the reader's. */
export async function selectNotifications(
  db: Db,
  sandboxId: SandboxId,
  reader: {
    readonly email: string
    readonly isOwn: boolean
    readonly isUnread: boolean
    readonly limit: number
    readonly offset: number
  },
): Promise<(NotificationRow & { readonly read_at: Date | null })[]> {
  return await db
    .selectFrom('notifications')
    .leftJoin('notification_readers as reader', (join) =>
      join.onRef('reader.notification_id', '=', 'notifications.id').on('reader.email', '=', reader.email),
    )
    .selectAll('notifications')
    .select('reader.read_at')
    .where('sandbox_id', '=', sandboxId)
    .$if(reader.isOwn, (query) => query.where('reader.email', 'is not', null))
    .$if(reader.isUnread, (query) => query.where('reader.read_at', 'is', null))
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .limit(reader.limit)
    .offset(reader.offset)
    .execute()
}

/** False when it is in no list of theirs. */
export async function markNotificationRead(
  db: Db,
  sandboxId: SandboxId,
  read: { readonly id: string; readonly email: string; readonly at: Date },
): Promise<boolean> {
  const answer = await db
    .updateTable('notification_readers')
    .set({ read_at: read.at })
    .where('notification_id', '=', read.id)
    .where('email', '=', read.email)
    .where('notification_id', 'in', (query) =>
      query.selectFrom('notifications').select('id').where('sandbox_id', '=', sandboxId),
    )
    .executeTakeFirst()
  return answer.numUpdatedRows === 1n
}

export async function deleteNotificationsBefore(db: Db, time: Date): Promise<void> {
  await db.deleteFrom('notifications').where('created_at', '<', time).execute()
}

export async function insertWebhook(
  tx: Transaction,
  row: Insertable<NotifyTables['webhooks']>,
): Promise<void> {
  await tx.insertInto('webhooks').values(row).execute()
}

/** Until the end of the transaction nobody else who asks for it makes a webhook in the sandbox. */
export async function lockWebhooks(tx: Transaction, sandboxId: SandboxId): Promise<void> {
  await lockName(tx, `webhooks of ${sandboxId}`)
}

export async function selectWebhooks(db: Db, sandboxId: SandboxId): Promise<WebhookRow[]> {
  return await db
    .selectFrom('webhooks')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

export async function selectWebhook(
  db: Db,
  sandboxId: SandboxId,
  id: string,
): Promise<WebhookRow | undefined> {
  return await db
    .selectFrom('webhooks')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('id', '=', id)
    .executeTakeFirst()
}

export async function deleteWebhook(tx: Transaction, id: string): Promise<void> {
  await tx.deleteFrom('webhooks').where('id', '=', id).execute()
}
