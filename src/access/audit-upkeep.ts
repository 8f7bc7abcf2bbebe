import type { Logger } from '#base/log.ts'
import type { Jobs } from '#jobs/jobs.ts'
import { serverOwner } from '#jobs/server-owner.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { AuditLog } from './audit-log.ts'

const kind = 'audit.expire'
const everyMs = 86_400_000

/**
 * Once a day, as a run like all others, entries that are older than the retention go. Registers the handler: to be
 * called before the jobs start.
 */
export async function scheduleAuditExpiry(options: {
  readonly auditLog: Pick<AuditLog, 'expire'>
  readonly jobs: Jobs
  readonly metadata: Metadata
  readonly logger: Logger
}): Promise<void> {
  const { auditLog, jobs, metadata, logger } = options
  jobs.register({
    kind,
    parallelRunsMax: 1,
    run: async ({ lease }) => {
      const entriesRemoved = await auditLog.expire()
      if (entriesRemoved > 0) logger.log('info', 'audit.expired', { entriesRemoved })
      await metadata.transaction(async (tx) => await lease.finish(tx, { entriesRemoved }))
      return 'finished'
    },
  })
  await metadata.transaction(async (tx) => {
    await jobs.putSchedule(tx, {
      kind,
      subjectId: 'all',
      rule: { kind: 'every', startAt: new Date(0), everyMs },
      ...serverOwner,
      isEnabled: true,
    })
  })
}
