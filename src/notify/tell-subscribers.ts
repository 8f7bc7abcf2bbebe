import { type AlertType, selectAlerts } from '#metadata/alerts.ts'
import type { PrincipalId, SandboxId } from '#base/ids.ts'
import type { Db, Transaction } from '#metadata/metadata.ts'
import type { Notice, Notify } from './notify.ts'

export interface Told extends Pick<Notice, 'key' | 'topic' | 'title' | 'detail'> {
  readonly sandboxId: SandboxId
  /** For whom the deliveries are made. */
  readonly principalId: PrincipalId
  /** What people subscribe to: a schedule, a query, a flow. */
  readonly assetId: string
  readonly assetName: string
  readonly alertType: AlertType
  /** What is to be said beyond the title. */
  readonly text?: string | undefined
}

/** Tells whoever subscribed to it, and webhooks, once for each key. */
export async function tellSubscribers(
  { notify }: { readonly notify: Pick<Notify, 'send'> },
  tx: Transaction,
  told: Told,
): Promise<void> {
  const { sandboxId, principalId, key, topic, title, text, assetId, assetName, alertType, detail } = told
  const [alert] = await enabledAlerts(tx, told)
  const subscribers = alert?.subscribers ?? []
  await notify.send(tx, {
    sandboxId,
    principalId,
    key,
    topic,
    title,
    body: text === undefined ? `${title}.` : `${title}.\n\n${text}`,
    detail: { alertType, assetId, assetName, ...detail },
    readers: subscribers.flatMap((one) => (one.in_product ? [one.email] : [])),
    emails: subscribers.flatMap((one) => (one.by_email ? [one.email] : [])),
  })
}

/** After how long a run of it is late. Webhooks hear of that without a subscription, too. */
export async function delayMsOf(
  db: Db,
  asset: { readonly sandboxId: SandboxId; readonly assetId: string },
  minutesDefault: number,
): Promise<number> {
  const [alert] = await enabledAlerts(db, { ...asset, alertType: 'delay' })
  return (alert?.delay_minutes ?? minutesDefault) * 60_000
}

/** More than what share of the rows somebody wants to hear of that were left out. */
export async function skippedShareOf(
  db: Db,
  asset: { readonly sandboxId: SandboxId; readonly assetId: string },
  percentDefault: number,
): Promise<number> {
  const [alert] = await enabledAlerts(db, { ...asset, alertType: 'skipped' })
  return (alert?.skipped_percent ?? percentDefault) / 100
}

async function enabledAlerts(
  db: Db,
  { sandboxId, assetId, alertType }: Pick<Told, 'sandboxId' | 'assetId' | 'alertType'>,
) {
  return await selectAlerts(db, sandboxId, { assetId, alertType, isEnabled: true }, { limit: 1, offset: 0 })
}
