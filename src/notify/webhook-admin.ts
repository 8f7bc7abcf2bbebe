import { randomUUID } from 'node:crypto'
import type { Caller, Permission } from '#access/access.ts'
import { AppError } from '#base/errors.ts'
import {
  deleteWebhook,
  insertWebhook,
  lockWebhooks,
  selectWebhook,
  selectWebhooks,
  type WebhookRow,
} from '#metadata/notifications.ts'
import type { NotifyOptions } from './notify-options.ts'
import { checkedUrl } from './deliver-webhook.ts'
import type { Notify, Webhook } from './notify.ts'
import { newWebhookSecret } from './sign-webhook.ts'

const webhooksMax = 20
const topicPattern = /^[a-z]+\.(?:[a-z]+|\*)$/

export function createWebhookAdmin(
  { metadata, access, secrets, allowsPrivate, clock }: NotifyOptions,
  require: (caller: Caller, permission: Permission) => Promise<void>,
): Pick<Notify, 'webhooks' | 'createWebhook' | 'deleteWebhook'> {
  const record = (action: 'create' | 'delete', { principal, sandbox }: Caller, id: string) => ({
    principalId: principal.id,
    sandboxId: sandbox.id,
    action,
    assetType: 'Webhook',
    assetId: id,
    status: 'Allow' as const,
  })
  return {
    webhooks: async (caller) => {
      await require(caller, 'manage-alerts')
      return (await selectWebhooks(metadata.db, caller.sandbox.id)).map(webhookOf)
    },
    createWebhook: async (caller, { url, topics }) => {
      await require(caller, 'manage-alerts')
      checkedUrl(url, allowsPrivate)
      const other = topics.find((topic) => !topicPattern.test(topic))
      if (other !== undefined || topics.length === 0) {
        throw new AppError('request.invalid', `${JSON.stringify(other ?? '')} is no topic.`, {
          hint: 'Topics are like query.failure, or query.* for all of them.',
        })
      }
      const { principal, sandbox } = caller
      const owner = { organizationId: principal.organizationId, sandboxId: sandbox.id }
      const secret = newWebhookSecret()
      const id = randomUUID()
      const createdAt = clock.now()
      await metadata.transaction(async (tx) => {
        await lockWebhooks(tx, sandbox.id)
        if ((await selectWebhooks(tx, sandbox.id)).length >= webhooksMax) {
          throw new AppError('request.invalid', `A sandbox has at most ${webhooksMax} webhooks.`)
        }
        await insertWebhook(tx, {
          id,
          organization_id: principal.organizationId,
          sandbox_id: sandbox.id,
          url,
          topics: [...topics],
          secret_id: await secrets.put(tx, { ...owner, purpose: 'webhook', value: secret }),
          is_enabled: true,
          created_at: createdAt,
          created_by: principal.id,
        })
        await access.audit(record('create', caller, id), tx)
      })
      return { id, url, topics, createdAt, secret }
    },
    deleteWebhook: async (caller, id) => {
      await require(caller, 'manage-alerts')
      await metadata.transaction(async (tx) => {
        const row = await selectWebhook(tx, caller.sandbox.id, id)
        if (!row)
          throw new AppError('notify.unknown', `There is no webhook ${JSON.stringify(id.slice(0, 80))}.`)
        await deleteWebhook(tx, row.id)
        const owner = { organizationId: row.organization_id, sandboxId: row.sandbox_id }
        await secrets.remove(tx, row.secret_id, owner)
        await access.audit(record('delete', caller, id), tx)
      })
    },
  }
}

/** Whether it wants to hear of the topic. */
export function wants({ topics, is_enabled: isEnabled }: WebhookRow, topic: string): boolean {
  const area = `${topic.split('.')[0]}.*`
  return isEnabled && topics.some((one) => one === topic || one === area)
}

function webhookOf(row: WebhookRow): Webhook {
  return { id: row.id, url: row.url, topics: row.topics, createdAt: row.created_at }
}
