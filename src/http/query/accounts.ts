import { z } from 'zod'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { orNull } from './request.ts'

const prefixMax = 40

/** `/data/foundation/queryauth`: credentials of programs that connect by the PostgreSQL protocol. */
export async function accountRoutes(app: App, { administration }: HttpDependencies): Promise<void> {
  app.post(
    '/accounts',
    {
      config: guarded('query', 'manage-query-service-integration'),
      schema: {
        tags: ['Query Service'],
        summary: 'Make a credential that does not expire',
        description:
          'The credential is told here and never again. It ends when nobody has signed in by it for ninety days.',
        body: z.looseObject({
          technicalAccountName: orNull(z.string().min(1).max(255)),
          name: orNull(z.string().min(1).max(255)).describe('The same'),
          assignedToUser: orNull(z.string().max(255)).describe(
            'For somebody else: for organisation administrators',
          ),
        }),
        response: {
          200: z.object({
            technicalAccountName: z.string(),
            technicalAccountId: z.string(),
            credential: z.string(),
          }),
        },
      },
    },
    async (request) => {
      const { technicalAccountName, name = 'account', assignedToUser } = request.body
      const wanted = technicalAccountName ?? name
      const { sqlUser, sqlPassword } = await administration.createSqlLogin(callerOf(request), {
        prefix: prefixOf(wanted),
        isExpiring: false,
        userId: assignedToUser,
      })
      return { technicalAccountName: wanted, technicalAccountId: sqlUser, credential: sqlPassword }
    },
  )
}

function prefixOf(name: string): string {
  const plain = name.toLowerCase().replaceAll(/[^a-z0-9_-]+/g, '_')
  return `${/^[a-z]/.test(plain) ? '' : 'a_'}${plain}`.slice(0, prefixMax)
}
