import { createHmac, randomBytes } from 'node:crypto'

const prefix = 'whsec_'

/** As Standard Webhooks writes secrets. @see https://www.standardwebhooks.com */
export function newWebhookSecret(): string {
  return prefix + randomBytes(24).toString('base64')
}

/**
 * The headers that prove who sent a body and when. The id is the same whenever it is sent again: who has seen it before
 * may forget it.
 * @see https://www.standardwebhooks.com
 */
export function webhookHeaders(
  secret: string,
  { id, body, at }: { readonly id: string; readonly body: string; readonly at: Date },
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(at.getTime() / 1000))
  const key = Buffer.from(secret.slice(prefix.length), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}
