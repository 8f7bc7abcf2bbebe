import type { Access, Caller, Permission } from '#access/access.ts'
import type { Clock } from '#base/clock.ts'
import type { Db, Metadata, Transaction } from '#metadata/metadata.ts'
import { selectSchemasByIds } from '#metadata/schemas.ts'
import { resourceOf } from './document.ts'
import type { Json } from './json.ts'
import { library } from './library.ts'
import { allReferences } from './lineage.ts'
import type { Lookup } from './resolve.ts'
import type { ColumnsAdded } from './schemas.ts'
import { lookupIn } from './shipped.ts'

export interface SchemasDependencies {
  readonly metadata: Metadata
  readonly access: Access
  readonly clock: Clock
  readonly columnsAdded: ColumnsAdded
}

/** References are followed over so many resources in a row. */
const chainMax = 64

/** What the parts of the registry share. */
export interface Registry extends SchemasDependencies {
  require(caller: Caller, permission: Permission): Promise<void>
  /** One of them is enough; a denial names the last. */
  requireOne(caller: Caller, permissions: readonly [...Permission[], Permission]): Promise<void>
  audit(
    tx: Transaction,
    caller: Caller,
    change: { readonly action: string; readonly assetType: string; readonly assetId: string },
  ): Promise<void>
  /** Finds what is shipped and all of the sandbox's own that the documents refer to, also through others. */
  lookup(db: Db, caller: Caller, documents: readonly Json[]): Promise<Lookup>
}

export function registryOf(dependencies: SchemasDependencies): Registry {
  const { access } = dependencies
  return {
    ...dependencies,
    require: async (caller, permission) => {
      await access.require({ principal: caller.principal, permission, sandboxId: caller.sandbox.id })
    },
    requireOne: async (caller, permissions) => {
      const question = { principal: caller.principal, sandboxId: caller.sandbox.id }
      for (const permission of permissions.slice(0, -1)) {
        if ((await access.decide({ ...question, permission })).isAllowed) return
      }
      await access.require({ ...question, permission: permissions.at(-1) as Permission })
    },
    audit: async (tx, caller, change) => {
      await access.audit(
        { principalId: caller.principal.id, sandboxId: caller.sandbox.id, status: 'Allow', ...change },
        tx,
      )
    },
    lookup: async (db, caller, documents) => {
      const found = new Map<string, Json>()
      let todo = documents.flatMap((document) => [...allReferences(document)])
      for (let step = 0; step < chainMax; step += 1) {
        const ids = [...new Set(todo)].filter((id) => !found.has(id) && !library().resources.has(id))
        const rows = await selectSchemasByIds(db, caller.sandbox.id, ids)
        if (rows.length === 0) break
        todo = []
        for (const row of rows) {
          const { document } = resourceOf(row, caller.sandbox)
          found.set(row.id, document)
          todo.push(...allReferences(document))
        }
      }
      return lookupIn(found)
    },
  }
}
