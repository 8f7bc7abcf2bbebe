import { z } from 'zod'
import type { Webhook } from '#notify/notify.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { limit, start } from '../gateway/page.ts'

const tags = ['Sluice']
const view = guarded('sluice', 'view-alerts')
const manage = guarded('sluice', 'manage-alerts')
const params = z.object({ id: z.uuid() })
const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((text) => text === 'true')

const webhookShape = z.object({
  id: z.string(),
  url: z.string(),
  topics: z.array(z.string()),
  createdAt: z.string(),
  secret: z.string().optional().describe('Told once: signatures are made with it'),
})

export function addNotifications(app: App, { notify }: HttpDependencies): void {
  app.get(
    '/notifications',
    {
      config: guarded('sluice', 'view-alerts', 'view-alerts-history'),
      schema: {
        tags,
        summary: 'What alerts told, newest first',
        description: 'Your own takes the permission View Alerts, that of all View Alerts History.',
        querystring: z.object({
          limit,
          start,
          mine: flag.describe('Only what was told to you'),
          unread: flag.describe('Only what you have not read'),
        }),
        response: {
          200: z.object({
            notifications: z.array(
              z.object({
                id: z.string(),
                topic: z.string(),
                title: z.string(),
                text: z.string(),
                detail: z.looseObject({}),
                createdAt: z.string(),
                readAt: z.string().optional(),
              }),
            ),
          }),
        },
      },
    },
    async (request) => {
      const { limit, start, mine, unread } = request.query
      const found = await notify.list(callerOf(request), {
        isOwn: mine,
        isUnread: unread,
        limit,
        offset: start,
      })
      return {
        notifications: found.map(({ body, createdAt, readAt, ...notice }) => ({
          ...notice,
          text: body,
          createdAt: createdAt.toISOString(),
          ...(readAt ? { readAt: readAt.toISOString() } : {}),
        })),
      }
    },
  )
  app.post(
    '/notifications/:id/read',
    {
      config: view,
      schema: { tags, summary: 'Note that you have read it', params, response: { 204: z.undefined() } },
    },
    async (request, reply) => {
      await notify.markRead(callerOf(request), request.params.id)
      return await reply.code(204).send()
    },
  )
  app.get(
    '/webhooks',
    {
      config: manage,
      schema: {
        tags,
        summary: 'List webhooks',
        response: { 200: z.object({ webhooks: z.array(webhookShape) }) },
      },
    },
    async (request) => ({ webhooks: (await notify.webhooks(callerOf(request))).map(webhookDocument) }),
  )
  app.post(
    '/webhooks',
    {
      config: manage,
      schema: {
        tags,
        summary: 'Have alerts posted to a program',
        description:
          'Bodies are `{type, timestamp, data}`, signed as Standard Webhooks says (webhook-id, webhook-timestamp, webhook-signature). An answer of 2xx ends it; silence, 408, 425, 429 and 5xx are tried again for half a day. The same id may come twice.',
        body: z.strictObject({
          url: z.string().max(2_000),
          topics: z.array(z.string().max(60)).min(1).max(20).describe('`query.failure`, or `query.*`'),
        }),
        response: { 201: webhookShape },
      },
    },
    async (request, reply) => {
      const made = await notify.createWebhook(callerOf(request), request.body)
      return await reply.code(201).send(webhookDocument(made))
    },
  )
  app.delete(
    '/webhooks/:id',
    {
      config: manage,
      schema: { tags, summary: 'Delete a webhook', params, response: { 204: z.undefined() } },
    },
    async (request, reply) => {
      await notify.deleteWebhook(callerOf(request), request.params.id)
      return await reply.code(204).send()
    },
  )
}

function webhookDocument(webhook: Webhook & { readonly secret?: string }): z.input<typeof webhookShape> {
  const { id, url, topics, createdAt, secret } = webhook
  return {
    id,
    url,
    topics: [...topics],
    createdAt: createdAt.toISOString(),
    ...(secret === undefined ? {} : { secret }),
  }
}
