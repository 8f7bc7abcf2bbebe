import { z } from 'zod'
import type { RegisteredSchema } from '#datasets/datasets.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'

const tags = ['Schema registry']
/** `$id`, `meta:altId`, `title`, `version` and the document as it was sent. */
const schema = z.looseObject({ title: z.string() })

/** `/data/foundation/schemaregistry`: the customer's own schemas. */
export async function schemaRoutes(app: App, { datasets }: HttpDependencies): Promise<void> {
  app.post(
    '/tenant/schemas',
    {
      config: guarded('catalog', 'manage-schemas'),
      schema: {
        tags,
        summary: 'Register a schema',
        body: z.looseObject({ title: z.string().min(1).max(255) }).describe('An XDM schema in JSON Schema'),
        response: { 201: schema },
      },
    },
    async (request, reply) => {
      const made = await datasets.createSchema(callerOf(request), request.body)
      return await reply.code(201).send(documentOf(made))
    },
  )

  app.get(
    '/tenant/schemas/:id',
    {
      config: guarded('catalog', 'view-schemas'),
      schema: {
        tags,
        summary: 'Read a schema',
        params: z.object({ id: z.string().describe('`$id` (URL-encoded) or `meta:altId`') }),
        response: { 200: schema },
      },
    },
    async (request) => documentOf(await datasets.schema(callerOf(request), request.params.id)),
  )
}

function documentOf(registered: RegisteredSchema) {
  return {
    ...(registered.document as Record<string, unknown>),
    $id: registered.id,
    'meta:altId': registered.altId,
    title: registered.title,
    version: registered.version,
  }
}
