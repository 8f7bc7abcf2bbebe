import { z } from 'zod'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'

const tags = ['Sluice']

/** What keeps the records true and the secrets secret. */
export function addUpkeep(app: App, { access, administration, auditLog, secrets }: HttpDependencies): void {
  app.post(
    '/audit/verification',
    {
      config: guarded('sluice', 'view-user-activity-log'),
      schema: {
        tags,
        summary: 'Check that no audit entry was changed, removed or moved',
        response: {
          200: z.object({
            isRight: z.boolean(),
            sealedCount: z.number(),
            headHash: z.string().optional(),
            expiredThrough: z.string().optional(),
            findings: z.array(
              z.object({
                kind: z.string(),
                sequence: z.string().optional(),
                entryId: z.string().optional(),
                message: z.string(),
              }),
            ),
          }),
        },
      },
    },
    async (request) => {
      const { findings, ...report } = await auditLog.verify(callerOf(request))
      return { ...report, findings: [...findings] }
    },
  )
  app.post(
    '/audit/expiry',
    {
      config: guarded('sluice', 'administer-organization'),
      schema: {
        tags,
        summary: 'Delete audit entries that are older than the retention; else once a day',
        description:
          'For administrators of the first organisation. The retention is the setting `audit.retentionMs`.',
        response: { 200: z.object({ entriesRemoved: z.number() }) },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      await administration.requireOperator(caller)
      return { entriesRemoved: await auditLog.expire(caller) }
    },
  )
  app.post(
    '/secrets/rotation',
    {
      config: guarded('sluice', 'administer-organization'),
      schema: {
        tags,
        summary: 'A new master key: every stored secret is sealed again, earlier keys are forgotten',
        description: 'For administrators of the first organisation.',
        response: { 200: z.object({ keyId: z.string(), secretCount: z.number() }) },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      await administration.requireOperator(caller)
      // Before it: a rotation that is broken off is on record too.
      await access.audit({
        principalId: caller.principal.id,
        sandboxId: caller.sandbox.id,
        action: 'rotate',
        assetType: 'Master Key',
        assetId: 'all',
        status: 'Allow',
      })
      return await secrets.rotateKey()
    },
  )
}
