import { z } from 'zod'
import { type BackupRun } from '#backup/backups.ts'
import { parseId } from '#base/ids.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'

const tags = ['Sluice']
const config = guarded('sluice', 'administer-organization')

const runDocument = z.object({
  id: z.string(),
  state: z.string(),
  folder: z.string(),
  dryRun: z.boolean(),
  createdAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
  progress: z.looseObject({ phase: z.string() }),
  message: z.string().nullable(),
})

/** Backups of the whole home: what is in them is of all organisations, so they are the first one's to take. */
export function addBackups(app: App, { backups, administration }: HttpDependencies): void {
  app.post(
    '/backups',
    {
      config,
      schema: {
        tags,
        summary: 'Take a backup of everything soon',
        description:
          'The folder is on the server\u2019s machine, outside of the home; earlier backups in it are built upon.',
        body: z.strictObject({ folder: z.string().min(1).max(4096), dryRun: z.boolean().default(false) }),
        response: { 202: z.object({ id: z.string() }) },
      },
    },
    async (request, reply) => {
      await administration.requireFirstOrganization(callerOf(request))
      const { folder, dryRun } = request.body
      const id = await backups.request(callerOf(request), { folder, isDryRun: dryRun })
      return await reply.code(202).send({ id })
    },
  )
  app.get(
    '/backups',
    {
      config,
      schema: {
        tags,
        summary: 'The newest backups',
        response: { 200: z.object({ backups: z.array(runDocument) }) },
      },
    },
    async (request) => {
      await administration.requireFirstOrganization(callerOf(request))
      return { backups: (await backups.runs()).map(documentOf) }
    },
  )
  app.get(
    '/backups/:id',
    {
      config,
      schema: {
        tags,
        summary: 'One backup: its state and progress',
        params: z.object({ id: z.string() }),
        response: { 200: runDocument },
      },
    },
    async (request) => {
      await administration.requireFirstOrganization(callerOf(request))
      return documentOf(await backups.run(parseId('run', request.params.id)))
    },
  )
}

function documentOf(run: BackupRun) {
  return {
    id: run.id,
    state: run.state,
    folder: run.folder,
    dryRun: run.isDryRun,
    createdAt: run.createdAt.toISOString(),
    finishedAt: run.finishedAt?.toISOString() ?? null,
    progress: { ...run.progress },
    message: run.message ?? null,
  }
}
