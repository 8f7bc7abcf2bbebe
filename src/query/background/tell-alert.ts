import type { Run } from '#jobs/jobs.ts'
import type { Db, Transaction } from '#metadata/metadata.ts'
import { delayMsOf as delayOfAsset, tellSubscribers } from '#notify/tell-subscribers.ts'
import { runIdText } from '../schedule-run.ts'
import type { QueryServiceOptions } from '../services.ts'

export const delayMinutesDefault = 15

const happened = {
  start: 'has started',
  success: 'has succeeded',
  failure: 'has failed',
  quarantine: 'was disabled because it failed again and again',
  delay: 'takes longer than expected',
} as const

export interface AlertEvent {
  readonly type: keyof typeof happened
  /** Of the schedule or query: what people call it. */
  readonly name: string
  readonly isScheduled: boolean
  /** What happened beyond its type. */
  readonly text?: string
  readonly detail?: Readonly<Record<string, unknown>>
}

/** Tells whoever subscribed to it, and webhooks, once for each run. */
export async function tellAlert(
  services: Pick<QueryServiceOptions, 'notify'>,
  tx: Transaction,
  { run, event }: { readonly run: Run; readonly event: AlertEvent },
): Promise<void> {
  const { type, name, isScheduled, text, detail } = event
  const what = isScheduled ? 'scheduled query' : 'query'
  await tellSubscribers(services, tx, {
    sandboxId: run.sandboxId,
    principalId: run.principalId,
    assetId: run.subjectId,
    assetName: name,
    alertType: type,
    key: `query run ${run.id} ${type}`,
    topic: `query.${type}`,
    title: `The ${what} ${JSON.stringify(name)} ${happened[type]}`,
    text,
    detail: { ...(isScheduled ? { scheduleRunId: runIdText(run.tick) } : {}), ...detail },
  })
}

/** After how long a run is late. */
export async function delayMsOf(db: Db, { sandboxId, subjectId }: Run): Promise<number> {
  return await delayOfAsset(db, { sandboxId, assetId: subjectId }, delayMinutesDefault)
}
