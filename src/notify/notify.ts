import type { Caller } from '#access/access.ts'
import type { PrincipalId, SandboxId } from '#base/ids.ts'
import type { Transaction } from '#metadata/metadata.ts'

/**
 * Tells people and programs what happened: lists in the product, mail, signed webhooks. Whoever has something to tell
 * says it in the transaction that makes it true; the deliveries are runs of their own, tried again until they arrive
 * or are given up. A delivery may arrive twice, with the same id.
 */
export interface Notify {
  /** Nothing happens for a key that was told before, and when nobody listens. */
  send(tx: Transaction, notice: Notice): Promise<void>
  /** Whether there is a mail server: without one whoever hears by mail alone hears nothing. */
  readonly isMailing: boolean

  /** Newest first. Needs 'view-alerts'. */
  list(caller: Caller, options: NoticeListOptions): Promise<readonly ListedNotice[]>
  /** @throws AppError 'notify.unknown' for what is not in the caller's own list */
  markRead(caller: Caller, id: string): Promise<void>

  /** Needs 'manage-alerts', as the following do. */
  webhooks(caller: Caller): Promise<readonly Webhook[]>
  /** @throws AppError 'request.invalid' for an address that cannot be asked or may not be */
  createWebhook(
    caller: Caller,
    wanted: NewWebhook,
  ): Promise<Webhook & { /** Told here and never again. */ readonly secret: string }>
  /** @throws AppError 'notify.unknown' */
  deleteWebhook(caller: Caller, id: string): Promise<void>
}

export interface Notice {
  readonly sandboxId: SandboxId
  /** For whom the deliveries are made. */
  readonly principalId: PrincipalId
  /** What happened, in the sandbox, once. */
  readonly key: string
  /** `query.failure`: what webhooks choose by. */
  readonly topic: string
  readonly title: string
  readonly body: string
  /** For programs. */
  readonly detail: Readonly<Record<string, unknown>>
  /** Mail addresses of those in whose lists it is. */
  readonly readers: readonly string[]
  /** Mail addresses it is sent to. */
  readonly emails: readonly string[]
}

export interface NoticeListOptions {
  /** Only what is in the caller's own list. */
  readonly isOwn: boolean
  readonly isUnread: boolean
  readonly limit: number
  readonly offset: number
}

export interface ListedNotice {
  readonly id: string
  readonly topic: string
  readonly title: string
  readonly body: string
  readonly detail: Readonly<Record<string, unknown>>
  readonly createdAt: Date
  /** By the caller; undefined where it is not in his list, or unread. */
  readonly readAt: Date | undefined
}

export interface NewWebhook {
  readonly url: string
  /** `query.failure`, or `query.*` for all that begins so. */
  readonly topics: readonly string[]
}

export interface Webhook extends NewWebhook {
  readonly id: string
  readonly createdAt: Date
}
