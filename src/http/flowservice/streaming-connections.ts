import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { equalTo, pageOf } from '#exports/entity-query.ts'
import type { Exports } from '#exports/exports.ts'
import type { Inlet, Streaming } from '#ingest/streaming.ts'
import type { Caller } from '#datasets/datasets.ts'

/** What the reference platform calls a connection that takes messages. */
const specId = 'bc7b00d6-623a-4dfc-9fdb-f1240aeadaeb'
const specName = 'Streaming Connection'

const isAsked = z.looseObject({ connectionSpec: z.looseObject({ id: z.literal(specId) }) })
const form = z.looseObject({
  name: z.string(),
  description: z.string().max(4_000).optional(),
  auth: z.looseObject({
    params: z.looseObject({
      sourceId: z.string(),
      dataType: z.string().default('xdm'),
      authenticationRequired: z.boolean().default(false),
    }),
  }),
})

type Entities = Pick<Exports, 'createEntity' | 'entity' | 'entities' | 'deleteEntity'>

/** Connections of the Flow Service of which some are inlets, known by their spec when they are made and by their id then. */
export function withStreamingConnections(
  exports: Entities,
  streaming: Streaming,
  /** Where messages are sent to, without a slash at its end. */
  address: string,
): Entities {
  return {
    createEntity: async (caller, kind, body) => {
      if (kind !== 'connections' || !isAsked.safeParse(body).success) {
        return await exports.createEntity(caller, kind, body)
      }
      const inlet = await streaming.createInlet(caller, newInletOf(body))
      return { id: inlet.id, etag: etagOf(inlet) }
    },
    entity: async (caller, kind, id) => {
      const inlet = kind === 'connections' ? await streaming.inlet(caller, id) : undefined
      return inlet ? documentOf(inlet, caller, address) : await exports.entity(caller, kind, id)
    },
    entities: async (caller, kind, query) => {
      if (kind !== 'connections' || equalTo(query, 'connectionSpec.id') !== specId) {
        return await exports.entities(caller, kind, query)
      }
      const inlets = await streaming.inlets(caller)
      return pageOf(
        inlets.map((inlet) => documentOf(inlet, caller, address)),
        query,
      )
    },
    deleteEntity: async (caller, kind, id) => {
      if (kind === 'connections' && (await streaming.deleteInlet(caller, id))) return
      await exports.deleteEntity(caller, kind, id)
    },
  }
}

function newInletOf(body: unknown) {
  const parsed = form.safeParse(body)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new AppError(
      'flow.invalid',
      `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not as expected'}.`,
    )
  }
  const { name, description, auth } = parsed.data
  const { sourceId, dataType, authenticationRequired } = auth.params
  if (dataType !== 'xdm') {
    throw new AppError(
      'flow.invalid',
      `auth.params.dataType: only xdm is taken, ${dataType.slice(0, 40)} came.`,
      {
        hint: 'Send messages in the form of the schema of their dataset.',
      },
    )
  }
  return { name, description, sourceId, requiresAuthentication: authenticationRequired }
}

function etagOf({ id }: Inlet): string {
  return `"${id.slice(0, 13)}-0200-0000-000000000000"`
}

function documentOf(inlet: Inlet, caller: Caller, address: string): Record<string, unknown> {
  return {
    id: inlet.id,
    etag: etagOf(inlet),
    name: inlet.name,
    description: inlet.description,
    createdAt: inlet.createdAt.getTime(),
    updatedAt: inlet.createdAt.getTime(),
    createdBy: inlet.createdBy,
    updatedBy: inlet.createdBy,
    sandboxId: caller.sandbox.id,
    sandboxName: caller.sandbox.name,
    imsOrgId: caller.sandbox.organizationId,
    connectionSpec: { id: specId, version: '1.0' },
    state: 'enabled',
    auth: {
      specName,
      params: {
        sourceId: inlet.sourceId,
        name: inlet.name,
        dataType: 'xdm',
        authenticationRequired: inlet.requiresAuthentication,
        inletId: inlet.inletId,
        inletUrl: `${address}/collection/${inlet.inletId}`,
      },
    },
  }
}
