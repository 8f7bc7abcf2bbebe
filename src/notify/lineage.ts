import { z } from 'zod'
import type { Clock } from '#base/clock.ts'
import type { PrincipalId, RunId, SandboxId } from '#base/ids.ts'
import type { Jobs } from '#jobs/jobs.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import { notifyJobs } from '#metadata/jobs.ts'
import { selectSandboxName } from '#metadata/sandboxes.ts'
import { deliverWebhook } from './deliver-webhook.ts'
import { type LineageFact, lineageEvent } from './lineage-event.ts'

/**
 * Tells a collector of OpenLineage events which run read and wrote what. An event is stored in the transaction that makes
 * it true and sent by a run of its own, so that no run waits for the collector or fails with it. Events of one run
 * arrive in order, each once or more often.
 * @see https://openlineage.io/spec/2-0-2/OpenLineage.json
 */
export interface Lineage {
  /** Whether a collector is configured; else nobody need gather facts. */
  readonly isOn: boolean
  /** Nothing happens when no collector is configured, and for what was told of a run before. */
  tell(tx: Transaction, run: LineageRun, fact: LineageFact): Promise<void>
}

interface LineageRun {
  readonly id: RunId
  readonly sandboxId: SandboxId
  readonly principalId: PrincipalId
  readonly createdAt: Date
  readonly startedAt: Date | undefined
}

interface LineageOptions {
  readonly metadata: Metadata
  readonly jobs: Jobs
  /** Absent: nothing is told. */
  readonly collector:
    | { readonly url: string; readonly token: string | undefined; readonly namespace: string }
    | undefined
  /** URI of this Sluice's version. */
  readonly producer: string
  readonly clock: Clock
}

const kind = 'lineage'
const parallelDeliveriesMax = 2
/** From a second to ten minutes between tries, about two hours in all. */
const retry = { failureCountMax: 20, backoff: { firstMs: 1_000, maxMs: 600_000, jitter: 0.5 } }
const stored = z.object({ event: z.looseObject({}) })

/** Registers the job kind `lineage`. */
export function createLineage({ metadata, jobs, collector, producer, clock }: LineageOptions): Lineage {
  jobs.register({
    kind,
    parallelRunsMax: parallelDeliveriesMax,
    retryOf: () => retry,
    run: async ({ run, lease, signal }) => {
      const { event } = stored.parse(run.payload)
      if (collector) {
        const { url, token } = collector
        const headers: Record<string, string> =
          token === undefined ? {} : { authorization: `Bearer ${token}` }
        // Whoever sets up the server chose the address.
        await deliverWebhook({ url, headers, body: JSON.stringify(event), allowsPrivate: true, signal })
      }
      await metadata.transaction((tx) => lease.finish(tx, { outcome: collector ? 'delivered' : 'gone' }))
      return 'finished'
    },
  })
  return {
    isOn: collector !== undefined,
    tell: async (tx, run, fact) => {
      if (!collector) return
      const sandbox = await selectSandboxName(tx, run.sandboxId)
      const namespace = `${collector.namespace}/${sandbox ?? run.sandboxId}`
      const now = clock.now()
      // Every run that ends has begun, also one that never got so far.
      const facts: LineageFact[] = fact.type === 'START' ? [fact] : [{ ...fact, type: 'START' }, fact]
      for (const one of facts) {
        const at = one.type === 'START' ? (run.startedAt ?? run.createdAt) : now
        await jobs.enqueue(tx, {
          kind,
          subjectId: run.id,
          tick: `${run.id} ${one.type}`,
          dueAt: now,
          principalId: run.principalId,
          sandboxId: run.sandboxId,
          payload: { event: lineageEvent(one, { runId: run.id, at, namespace, producer }) },
        })
      }
      await notifyJobs(tx, 'ring')
    },
  }
}
