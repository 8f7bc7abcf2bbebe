import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { landingPermission } from '#exports/landing-zones.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { bucketName, region } from './bucket.ts'

const tags = ['Landing zone']
const type = z
  .string()
  .optional()
  .describe('dlz_destination: where exports go. There are no landing zones of sources')

/** Whoever asks without one means that of sources, as the reference platform has it. */
function checkType(given: string | undefined): void {
  if (given === 'dlz_destination') return
  throw new AppError('request.invalid', `type: expected dlz_destination, not ${given ?? 'user_drop_zone'}.`, {
    hint: 'Files are loaded as batches; there is no landing zone of sources.',
  })
}

/** `/data/foundation/connectors`: what the landing zone is called, and credentials to read it by. */
export async function landingCredentialRoutes(app: App, { landing }: HttpDependencies): Promise<void> {
  app.get(
    '/landingzone',
    {
      config: guarded('flowservice', 'view-destinations'),
      schema: { tags, summary: 'What the landing zone is called', querystring: z.object({ type }) },
    },
    async (request) => {
      checkType(request.query.type)
      return {
        dlzPath: pathOf(request),
        dataTTL: { timeUnit: 'days', timeQuantity: 7 },
        dlzProvider: 'Amazon S3',
        ...addressOf(request),
      }
    },
  )

  const credentialsOf = async (request: FastifyRequest, renews: boolean) => {
    const key = await landing.key(callerOf(request), { renews })
    return {
      credentials: {
        awsAccessKeyId: key.accessKeyId,
        awsSecretAccessKey: key.secretAccessKey,
        awsSessionToken: key.sessionToken,
      },
      dlzPath: pathOf(request),
      dlzProvider: 'Amazon S3',
      expiryTime: Math.floor(key.expiresAt.getTime() / 1_000),
      ...addressOf(request),
    }
  }
  const config = guarded('flowservice', landingPermission)

  app.get(
    '/landingzone/credentials',
    {
      config,
      schema: {
        tags,
        summary: 'Your credentials of the landing zone',
        description:
          'The same while half of their life is left; then new ones. `endpoint` speaks as S3 does.',
        querystring: z.object({ type }),
      },
    },
    async (request, reply) => {
      checkType(request.query.type)
      void reply.header('cache-control', 'no-store')
      return await credentialsOf(request, false)
    },
  )

  app.post(
    '/landingzone/credentials',
    {
      config,
      schema: {
        tags,
        summary: 'New credentials; those you had end at once',
        querystring: z.object({ type, action: z.literal('refresh') }),
      },
    },
    async (request, reply) => {
      checkType(request.query.type)
      void reply.header('cache-control', 'no-store')
      return await credentialsOf(request, true)
    },
  )
}

function pathOf(request: FastifyRequest) {
  return { bucketName, dlzFolder: callerOf(request).sandbox.name }
}

function addressOf(request: FastifyRequest) {
  return { endpoint: `${request.protocol}://${request.host}/landing`, region }
}
