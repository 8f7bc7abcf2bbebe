import { randomBytes } from 'node:crypto'
import type { Caller, Permission } from '#access/access.ts'
import type { Transaction } from '#metadata/metadata.ts'
import {
  countDescriptors,
  deleteDescriptor,
  type DescriptorRow,
  insertDescriptor,
  selectDescriptor,
  selectDescriptors,
  updateDescriptor,
} from '#metadata/identities.ts'
import { lockRegistry, selectSchemasByIds } from '#metadata/schemas.ts'
import { checkDescriptor, type CheckedDescriptor } from './check-descriptor.ts'
import { descriptorDocument } from './descriptor-document.ts'
import type { Descriptors } from './descriptors.ts'
import { invalidAt, refused, unknown } from './errors.ts'
import type { Json } from './json.ts'
import { texts } from './json.ts'
import { type Entry, pageOf } from './list.ts'
import { findAny } from './read.ts'
import { type Registry, registryOf, type SchemasDependencies } from './registry.ts'

const descriptorsMax = 4_000

export function createDescriptors(dependencies: Omit<SchemasDependencies, 'columnsAdded'>): Descriptors {
  const registry = registryOf({ ...dependencies, columnsAdded: async () => {} })
  const { metadata, clock } = dependencies
  const { db } = metadata
  return {
    async get(caller, id) {
      await registry.require(caller, 'view-schemas')
      const row = await selectDescriptor(db, caller.sandbox.id, id)
      if (!row) throw unknown('descriptors', id)
      return descriptorDocument(row, caller)
    },
    async list(caller, query) {
      await registry.require(caller, 'view-schemas')
      const rows = await selectDescriptors(db, caller.sandbox.id)
      const entries = rows.map((row): Entry => {
        const document = descriptorDocument(row, caller)
        return { whole: document, show: () => document }
      })
      // A documented client reads the first page only.
      return pageOf(entries, query, true)
    },
    async ofSchema(caller, schemaId) {
      await registry.require(caller, 'view-schemas')
      const schema = await findAny(db, caller, schemaId)
      if (!schema) throw unknown('schemas', schemaId)
      const rows = await selectDescriptors(db, caller.sandbox.id, [
        schema.id,
        ...texts(schema.document['meta:extends']),
      ])
      return rows.map((row) => descriptorDocument(row, caller))
    },
    async create(caller, body) {
      await registry.requireOne(caller, permissionsFor((body as Json | null)?.['@type']))
      return await metadata.transaction(async (tx) => {
        await lockRegistry(tx, caller.sandbox.id)
        const checked = await checkDescriptor(registry, tx, caller, body)
        const others = await selectDescriptors(tx, caller.sandbox.id, [checked.sourceSchema])
        refuseSecondPrimary(checked, others)
        const same = others.find(
          (row) => row.type === checked.type && row.source_property === checked.sourceProperty,
        )
        if (same && checked.type === 'xdm:alternateDisplayInfo') {
          return await rewrite(registry, tx, caller, { row: same, checked })
        }
        if (same) throw duplicate(checked)
        if ((await countDescriptors(tx, caller.sandbox.id)) >= descriptorsMax) {
          throw refused(
            'schema.limit',
            'XDM-1603-400',
            `A sandbox has at most ${descriptorsMax} descriptors.`,
          )
        }
        const now = clock.now()
        const row = {
          sandbox_id: caller.sandbox.id,
          id: randomBytes(20).toString('hex'),
          revision: 0,
          created_at: now,
          created_by: caller.principal.id,
          updated_at: now,
          updated_by: caller.principal.id,
          ...columnsOf(checked),
        }
        if (!(await insertDescriptor(tx, row))) throw duplicate(checked)
        await registry.audit(tx, caller, { action: 'create', assetType: 'descriptor', assetId: row.id })
        return descriptorDocument({ ...row, document: checked.document }, caller)
      })
    },
    async replace(caller, id, body) {
      await registry.require(caller, 'view-schemas')
      await registry.requireOne(caller, permissionsFor((body as Json | null)?.['@type']))
      return await metadata.transaction(async (tx) => {
        await lockRegistry(tx, caller.sandbox.id)
        const row = await selectDescriptor(tx, caller.sandbox.id, id)
        if (!row) throw unknown('descriptors', id)
        await registry.requireOne(caller, permissionsFor(row.type))
        const checked = await checkDescriptor(registry, tx, caller, body)
        const others = (await selectDescriptors(tx, caller.sandbox.id, [checked.sourceSchema])).filter(
          (other) => other.id !== id,
        )
        refuseSecondPrimary(checked, others)
        await refusePrimaryChange(tx, caller, { row, checked })
        if (
          others.some(
            (other) => other.type === checked.type && other.source_property === checked.sourceProperty,
          )
        ) {
          throw duplicate(checked)
        }
        return await rewrite(registry, tx, caller, { row, checked })
      })
    },
    async delete(caller, id) {
      await registry.require(caller, 'view-schemas')
      await metadata.transaction(async (tx) => {
        await lockRegistry(tx, caller.sandbox.id)
        const row = await selectDescriptor(tx, caller.sandbox.id, id)
        if (!row) throw unknown('descriptors', id)
        await registry.requireOne(caller, permissionsFor(row.type))
        await refusePrimaryChange(tx, caller, { row, checked: undefined })
        await deleteDescriptor(tx, caller.sandbox.id, id)
        await registry.audit(tx, caller, { action: 'delete', assetType: 'descriptor', assetId: id })
      })
    },
  }
}

/** What somebody needs to say such a thing of a field, or to take it back. */
function permissionsFor(type: unknown): readonly [...Permission[], Permission] {
  switch (type) {
    case 'xdm:descriptorIdentity':
      return ['manage-schemas', 'manage-identity-metadata']
    case 'xdm:descriptorOneToOne':
    case 'xdm:descriptorRelationship':
    case 'xdm:descriptorReferenceIdentity':
      return ['manage-schemas', 'manage-relationships']
    case 'xdm:descriptorLabel':
      return ['apply-data-usage-labels']
    default:
      return ['manage-schemas']
  }
}

async function rewrite(
  registry: Registry,
  tx: Transaction,
  caller: Caller,
  { row, checked }: { readonly row: DescriptorRow; readonly checked: CheckedDescriptor },
): Promise<Json> {
  const change = {
    ...columnsOf(checked),
    revision: row.revision + 1,
    updated_at: registry.clock.now(),
    updated_by: caller.principal.id,
  }
  await updateDescriptor(tx, { sandboxId: caller.sandbox.id, id: row.id }, change)
  await registry.audit(tx, caller, { action: 'update', assetType: 'descriptor', assetId: row.id })
  return descriptorDocument({ ...row, ...change, document: checked.document }, caller)
}

function columnsOf(checked: CheckedDescriptor) {
  return {
    type: checked.type,
    source_schema: checked.sourceSchema,
    source_property: checked.sourceProperty,
    document: JSON.stringify(checked.document),
  }
}

function isPrimary(document: unknown): boolean {
  return (document as Json)['xdm:isPrimary'] === true
}

function refuseSecondPrimary(checked: CheckedDescriptor, others: readonly DescriptorRow[]): void {
  if (checked.type !== 'xdm:descriptorIdentity' || !isPrimary(checked.document)) return
  const other = others.find(
    (row) =>
      row.type === 'xdm:descriptorIdentity' &&
      isPrimary(row.document) &&
      row.source_property !== checked.sourceProperty,
  )
  if (!other) return
  throw invalidAt(
    'xdm:isPrimary',
    `the schema has a primary identity already: ${other.source_property}`,
    'A schema has one. Make the other one secondary first.',
  )
}

/** Profiles are built on it: of a schema in a union the primary identity stays. */
async function refusePrimaryChange(
  tx: Transaction,
  caller: Caller,
  { row, checked }: { readonly row: DescriptorRow; readonly checked: CheckedDescriptor | undefined },
): Promise<void> {
  if (row.type !== 'xdm:descriptorIdentity' || !isPrimary(row.document)) return
  const before = row.document as Json
  const isSame =
    checked !== undefined &&
    checked.type === row.type &&
    checked.sourceSchema === row.source_schema &&
    checked.sourceProperty === row.source_property &&
    isPrimary(checked.document) &&
    checked.document['xdm:namespace'] === before['xdm:namespace']
  if (isSame) return
  const [schema] = await selectSchemasByIds(tx, caller.sandbox.id, [row.source_schema])
  if (!schema?.is_union) return
  throw refused(
    'schema.in_use',
    'XDM-1602-400',
    `The primary identity ${row.source_property} cannot change: its schema is in a union.`,
  )
}

function duplicate(checked: CheckedDescriptor) {
  return refused('schema.exists', 'XDM-4000-400', `there is a ${checked.type} of this field already.`, {
    place: 'xdm:sourceProperty',
    hint: 'Change that one.',
  })
}
