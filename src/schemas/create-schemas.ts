import { AppError } from '#base/errors.ts'
import { insertSchema, lockSchema, selectSchemasByIds, updateSchema } from '#metadata/schemas.ts'
import { structTypeFromJson } from '#types/data-type-json.ts'
import { xdmProperties } from '#types/xdm-document.ts'
import { composeDocument, newIdentity } from './document.ts'
import { unknown } from './errors.ts'
import { guardDepth } from './guard.ts'
import { shipped } from './library.ts'
import { adHoc } from './lineage.ts'
import { findResource, listResources } from './read.ts'
import { registryOf, type SchemasDependencies } from './registry.ts'
import { createLooks } from './resolved-looks.ts'
import { changesOf, exportOf, importOf, sampleFor, statsOf } from './rpc.ts'
import type { Schemas, SchemaToUse } from './schemas.ts'
import { createResource, deleteResource, patched, replaceResource } from './write.ts'

export function createSchemas(dependencies: SchemasDependencies): Schemas {
  const registry = registryOf(dependencies)
  const { metadata, clock } = dependencies
  const { db } = metadata
  const look = createLooks(registry, db)
  return {
    async get(caller, kind, id) {
      await registry.require(caller, 'view-schemas')
      return await findResource(registry, db, caller, { kind, id })
    },
    async look(caller, given) {
      await registry.require(caller, 'view-schemas')
      return await look(caller, given)
    },
    async list(caller, given) {
      await registry.require(caller, 'view-schemas')
      return await listResources(registry, db, caller, given)
    },
    async create(caller, kind, body) {
      await registry.require(caller, 'manage-schemas')
      return await metadata.transaction((tx) => createResource(registry, tx, caller, { kind, body }))
    },
    async replace(caller, { body, ...target }) {
      await registry.require(caller, 'manage-schemas')
      return await metadata.transaction((tx) =>
        replaceResource(registry, tx, caller, { ...target, author: () => body }),
      )
    },
    async patch(caller, { patch, ...target }) {
      await registry.require(caller, 'manage-schemas')
      guardDepth(patch)
      return await metadata.transaction((tx) =>
        replaceResource(registry, tx, caller, { ...target, author: patched(patch) }),
      )
    },
    async delete(caller, target) {
      await registry.require(caller, 'manage-schemas')
      await metadata.transaction((tx) => deleteResource(registry, tx, caller, target))
    },
    async stats(caller) {
      await registry.require(caller, 'view-schemas')
      return await statsOf(registry, db, caller)
    },
    async exportResources(caller, id) {
      await registry.require(caller, 'view-schemas')
      return await exportOf(registry, db, caller, id)
    },
    async importResources(caller, body) {
      await registry.require(caller, 'manage-schemas')
      guardDepth(body)
      return await metadata.transaction((tx) => importOf(registry, tx, caller, body))
    },
    async sample(caller, id) {
      await registry.require(caller, 'view-schemas')
      return await sampleFor(registry, db, caller, id)
    },
    async changes(caller, id) {
      await registry.require(caller, 'view-schemas')
      return await changesOf(db, caller, id)
    },

    async use(tx, caller, id): Promise<SchemaToUse> {
      const row = await lockSchema(tx, caller.sandbox.id, { id, mode: 'share' })
      if (row?.resource_type !== 'schemas') throw unknown('schemas', id)
      return {
        id: row.id,
        isAdHoc: row.is_ad_hoc,
        behavior: behaviorOf(row.extends, row.class_id),
        columns: structTypeFromJson(row.columns),
        required: row.required as SchemaToUse['required'],
        constraints: row.constraints as SchemaToUse['constraints'],
      }
    },
    async useColumns(tx, caller, { title, columns }): Promise<SchemaToUse> {
      const { id, altId } = newIdentity(caller, 'schemas')
      const author = { title, type: 'object', properties: xdmProperties(columns), 'meta:class': adHoc }
      const now = clock.now()
      await insertSchema(tx, {
        id,
        sandbox_id: caller.sandbox.id,
        alt_id: altId,
        resource_type: 'schemas',
        title,
        version: '1.0',
        document: JSON.stringify(composeDocument('schemas', author, { id })),
        columns: JSON.stringify(columns),
        extends: [adHoc],
        class_id: adHoc,
        is_ad_hoc: true,
        created_at: now,
        created_by: caller.principal.id,
        updated_at: now,
        updated_by: caller.principal.id,
      })
      return { id, isAdHoc: true, behavior: undefined, columns, required: [], constraints: [] }
    },
    async changeColumns(tx, caller, { id, columns }) {
      const row = await lockSchema(tx, caller.sandbox.id, { id, mode: 'update' })
      if (!row) throw unknown('schemas', id)
      if (row.class_id !== adHoc) {
        throw new AppError(
          'schema.conflict',
          `The columns of this table follow the schema ${JSON.stringify(row.title)}.`,
          { hint: 'Change the schema; the table follows.' },
        )
      }
      const author = {
        title: row.title,
        type: 'object',
        properties: xdmProperties(columns),
        'meta:class': adHoc,
      }
      const revision = row.revision + 1
      await updateSchema(
        tx,
        { sandboxId: caller.sandbox.id, id: row.id },
        {
          document: JSON.stringify(composeDocument('schemas', author, { id: row.id })),
          columns: JSON.stringify(columns),
          version: `1.${revision}`,
          revision,
          updated_at: clock.now(),
          updated_by: caller.principal.id,
        },
      )
    },
    async unionSchemas(db, caller, ids) {
      const rows = await selectSchemasByIds(db, caller.sandbox.id, ids)
      return new Set(rows.filter((row) => row.is_union).map((row) => row.id))
    },
  }
}

/** As the class says; undefined: nothing does. */
function behaviorOf(all: readonly string[], classId: string | null): SchemaToUse['behavior'] {
  const known = new Set([...all, ...(classId === null ? [] : shippedLineage(classId))])
  if (known.has(adHoc)) return 'adhoc'
  if (known.has('https://ns.adobe.com/xdm/data/time-series')) return 'time-series'
  return known.has('https://ns.adobe.com/xdm/data/record') ? 'record' : undefined
}

function shippedLineage(classId: string): readonly string[] {
  const extended = shipped(classId)?.document['meta:extends']
  return [classId, ...(Array.isArray(extended) ? (extended as string[]) : [])]
}
