import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Caller, Permission } from '#access/access.ts'
import { unreachable } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import type { RunContext, RunOutcome } from '#jobs/jobs.ts'
import { findPrincipal } from '#metadata/access.ts'
import { notifyJobs } from '#metadata/jobs.ts'
import type { Transaction } from '#metadata/metadata.ts'
import {
  deleteNotificationsBefore,
  insertNotification,
  markNotificationRead,
  type NotificationRow,
  selectNotification,
  selectNotifications,
  selectWebhook,
  selectWebhooks,
} from '#metadata/notifications.ts'
import { deliverEmail } from './deliver-email.ts'
import { deliverWebhook } from './deliver-webhook.ts'
import type { NotifyOptions } from './notify-options.ts'
import type { Notice, Notify } from './notify.ts'
import { webhookHeaders } from './sign-webhook.ts'
import { createWebhookAdmin, wants } from './webhook-admin.ts'

const kind = 'notify'
const parallelDeliveriesMax = 4
/** From a second to an hour between tries, about half a day in all. */
const retry = { failureCountMax: 24, backoff: { firstMs: 1_000, maxMs: 3_600_000, jitter: 0.5 } }
const keptMs = 90 * 86_400_000
/** Old notices are looked for once in so many new ones. */
const pruneEvery = 100

const delivery = z.object({
  notificationId: z.string(),
  channel: z.enum(['email', 'webhook']),
  target: z.string(),
})
type Delivery = z.infer<typeof delivery>

/** Registers the job kind `notify`. */
export function createNotify(options: NotifyOptions): Notify {
  const { metadata, access, jobs, clock, mail } = options
  let sent = 0
  jobs.register({
    kind,
    parallelRunsMax: parallelDeliveriesMax,
    retryOf: () => retry,
    run: (context) => deliver(options, context),
  })
  const require = async ({ principal, sandbox }: Caller, permission: Permission) => {
    await access.require({ principal, permission, sandboxId: sandbox.id })
  }
  const emailOf = async ({ principal }: Caller) =>
    (await findPrincipal(metadata.db, principal.id))?.email ?? ''

  async function send(tx: Transaction, notice: Notice): Promise<void> {
    const { sandboxId, key, topic, title, body, detail } = notice
    const hooks = (await selectWebhooks(tx, sandboxId)).filter((hook) => wants(hook, topic))
    const readers = unique(notice.readers)
    const emails = mail ? unique(notice.emails) : []
    if (readers.length + emails.length + hooks.length === 0) return
    const id = randomUUID()
    const now = clock.now()
    const row = {
      id,
      sandbox_id: sandboxId,
      key,
      topic,
      title,
      body,
      detail: JSON.stringify(detail),
      created_at: now,
    }
    if (!(await insertNotification(tx, row, readers))) return
    const deliveries: Delivery[] = [
      ...emails.map((target) => ({ notificationId: id, channel: 'email', target }) as const),
      ...hooks.map((hook) => ({ notificationId: id, channel: 'webhook', target: hook.id }) as const),
    ]
    for (const payload of deliveries) {
      await jobs.enqueue(tx, {
        kind,
        // Those to one address follow each other; a dead one holds up nobody else.
        subjectId: `${payload.channel} ${payload.target}`,
        tick: id,
        dueAt: now,
        principalId: notice.principalId,
        sandboxId,
        payload,
      })
    }
    if (deliveries.length > 0) await notifyJobs(tx, 'ring')
    sent += 1
    if (sent % pruneEvery === 1) await deleteNotificationsBefore(tx, new Date(now.getTime() - keptMs))
  }

  return {
    send,
    isMailing: mail !== undefined,
    list: async (caller, { isOwn, isUnread, limit, offset }) => {
      await require(caller, isOwn ? 'view-alerts' : 'view-alerts-history')
      const rows = await selectNotifications(metadata.db, caller.sandbox.id, {
        email: await emailOf(caller),
        isOwn,
        isUnread,
        limit,
        offset,
      })
      return rows.map(({ id, topic, title, body, detail, created_at, read_at }) => ({
        id,
        topic,
        title,
        body,
        detail: detail as Readonly<Record<string, unknown>>,
        createdAt: created_at,
        readAt: read_at ?? undefined,
      }))
    },
    markRead: async (caller, id) => {
      await require(caller, 'view-alerts')
      const read = { id, email: await emailOf(caller), at: clock.now() }
      if (await markNotificationRead(metadata.db, caller.sandbox.id, read)) return
      throw new AppError('notify.unknown', 'There is no such notification in your list.')
    },
    ...createWebhookAdmin(options, require),
  }
}

async function deliver(options: NotifyOptions, { run, lease, signal }: RunContext): Promise<RunOutcome> {
  const { metadata } = options
  const { notificationId, channel, target } = delivery.parse(run.payload)
  const notice = await selectNotification(metadata.db, notificationId)
  // What nobody remembers, and where nobody listens any more, is nothing to deliver.
  const outcome = notice ? await deliverTo(options, { notice, channel, target, signal }) : 'gone'
  await metadata.transaction((tx) => lease.finish(tx, { outcome }))
  return 'finished'
}

async function deliverTo(
  options: NotifyOptions,
  {
    notice,
    channel,
    target,
    signal,
  }: Pick<Delivery, 'channel' | 'target'> & {
    readonly notice: NotificationRow
    readonly signal: AbortSignal
  },
): Promise<'delivered' | 'gone'> {
  const { metadata, mail, secrets, clock, allowsPrivate } = options
  switch (channel) {
    case 'email': {
      if (!mail) return 'gone'
      const { id, title, body } = notice
      await deliverEmail(mail, {
        id: `${id}.${tokenOf(target)}`,
        to: target,
        subject: title,
        text: `${body}\n`,
      })
      return 'delivered'
    }
    case 'webhook': {
      const hook = await selectWebhook(metadata.db, notice.sandbox_id, target)
      if (!hook?.is_enabled) return 'gone'
      const owner = { organizationId: hook.organization_id, sandboxId: hook.sandbox_id }
      const secret = await secrets.read(hook.secret_id, owner)
      const body = JSON.stringify({
        type: notice.topic,
        timestamp: notice.created_at.toISOString(),
        data: { title: notice.title, text: notice.body, ...(notice.detail as object) },
      })
      const headers = webhookHeaders(secret, { id: notice.id, body, at: clock.now() })
      await deliverWebhook({ url: hook.url, headers, body, allowsPrivate, signal })
      return 'delivered'
    }
    default:
      return unreachable(channel)
  }
}

function unique(emails: readonly string[]): string[] {
  return [...new Set(emails.map((email) => email.toLowerCase()))]
}

function tokenOf(text: string): string {
  return Buffer.from(text).toString('hex').slice(0, 40)
}
