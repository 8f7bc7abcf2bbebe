import type { Run } from '#jobs/jobs.ts'
import { type AlertType, selectAlerts } from '#metadata/alerts.ts'
import type { Db, Transaction } from '#metadata/metadata.ts'
import { runIdText } from './schedule-run.ts'
import type { QueryServiceOptions } from './services.ts'

const delayMinutesDefault = 15

export interface AlertEvent {
  readonly type: AlertType
  /** Of the schedule or query: what people call it. */
  readonly name: string
  readonly isScheduled: boolean
  /** What happened beyond its type. */
  readonly text?: string
  readonly detail?: Readonly<Record<string, unknown>>
}

const happened: Readonly<Record<AlertType, string>> = {
  start: 'has started',
  success: 'has succeeded',
  failure: 'has failed',
  quarantine: 'was disabled because it failed again and again',
  delay: 'takes longer than expected',
}

/** Tells whoever subscribed to it, and webhooks, once for each run. */
export async function tellAlert(
  { notify }: Pick<QueryServiceOptions, 'notify'>,
  tx: Transaction,
  { run, event }: { readonly run: Run; readonly event: AlertEvent },
): Promise<void> {
  const { type, name, isScheduled, text, detail } = event
  const subscribers = (await enabledAlerts(tx, run, type)).flatMap((alert) => alert.subscribers)
  const what = isScheduled ? 'scheduled query' : 'query'
  const title = `The ${what} ${JSON.stringify(name)} ${happened[type]}`
  await notify.send(tx, {
    sandboxId: run.sandboxId,
    principalId: run.principalId,
    key: `query run ${run.id} ${type}`,
    topic: `query.${type}`,
    title,
    body: text === undefined ? `${title}.` : `${title}.\n\n${text}`,
    detail: {
      alertType: type,
      assetId: run.subjectId,
      assetName: name,
      ...(isScheduled ? { scheduleRunId: runIdText(run.tick) } : {}),
      ...detail,
    },
    readers: subscribers.flatMap((one) => (one.in_product ? [one.email] : [])),
    emails: subscribers.flatMap((one) => (one.by_email ? [one.email] : [])),
  })
}

/** After how long somebody wants to hear that a run is late; undefined: nobody does. */
export async function delayMsOf(db: Db, run: Run): Promise<number | undefined> {
  const [alert] = await enabledAlerts(db, run, 'delay')
  return alert && (alert.delay_minutes ?? delayMinutesDefault) * 60_000
}

async function enabledAlerts(db: Db, run: Run, alertType: AlertType) {
  const reach = { assetId: run.subjectId, alertType, isEnabled: true }
  return await selectAlerts(db, run.sandboxId, reach, { limit: 1, offset: 0 })
}
