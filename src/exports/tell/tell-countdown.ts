import type { Clock } from '#base/clock.ts'
import type { Logger } from '#base/log.ts'
import type { AlertType } from '#metadata/alerts.ts'
import type { EndingFlow, TimeRange } from '#metadata/export-alerts.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { PageOf, PageStart, TimePage } from '#metadata/page.ts'
import type { Notify } from '#notify/notify.ts'
import { tellSubscribers } from '#notify/tell-subscribers.ts'
import { tellEach } from './tell-each.ts'

const dayMs = 86_400_000

export interface CountdownOptions {
  readonly metadata: Metadata
  readonly notify: Pick<Notify, 'send'>
  readonly clock: Clock
  readonly logger: Logger
}

/** Tells of flows of which something ends: once so many days before each. See `tellEach`. */
export async function tellCountdown<Flow extends Omit<EndingFlow, 'ends_at'>>(
  options: CountdownOptions,
  countdown: {
    readonly alertType: AlertType
    /** Before the end. 0: when it has come. */
    readonly days: readonly number[]
    /** Of what ended longer ago nothing is told. */
    readonly pastMs?: number
    readonly select: (range: TimeRange, page: TimePage) => Promise<PageOf<Flow>>
    readonly endOf: (flow: Flow) => Date
    /** @param end.at as it is written. @param end.days of those before the end, those that are left */
    readonly say: (
      flow: Flow,
      end: { readonly at: string; readonly days: number },
    ) => {
      readonly key: string
      readonly title: string
      readonly text: string
      readonly detail: Readonly<Record<string, unknown>>
    }
    readonly start: PageStart | undefined
  },
): Promise<PageStart | undefined> {
  const { metadata, clock } = options
  const { alertType, days, pastMs = 0, select, endOf, say, start } = countdown
  const nowMs = clock.now().getTime()
  const range = { from: new Date(nowMs - pastMs), to: new Date(nowMs + Math.max(...days) * dayMs) }
  return await tellEach(options, {
    alertType,
    start,
    select: (page) => select(range, page),
    timeOf: endOf,
    tell: async (flow) => {
      const end = endOf(flow)
      const left = Math.min(...days.filter((day) => end.getTime() - nowMs <= day * dayMs))
      await metadata.transaction((tx) =>
        tellSubscribers(options, tx, {
          sandboxId: flow.sandbox_id,
          principalId: flow.updated_by,
          assetId: flow.id,
          assetName: flow.name,
          alertType,
          topic: `export.${alertType}`,
          ...say(flow, { at: end.toISOString(), days: left }),
        }),
      )
    },
  })
}
