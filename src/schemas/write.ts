import type { Caller } from '#access/access.ts'
import { applyJsonPatch } from '#base/json-patch.ts'
import { codeOf } from '#base/system-error.ts'
import { deleteDescriptorsOf, selectDescriptors } from '#metadata/identities.ts'
import type { Transaction } from '#metadata/metadata.ts'
import {
  countSchemas,
  deleteSchema,
  insertSchema,
  insertSchemaChange,
  lockRegistry,
  lockSchema,
  lockSchemasUsing,
  type SchemaRow,
  selectSchemasWithDatasets,
  updateSchema,
} from '#metadata/schemas.ts'
import { checkDocument, type Checked } from './check.ts'
import { changesBetween } from './diff.ts'
import { composeDocument, etagOf, isOwned, nameWrapper, newIdentity, resourceOf } from './document.ts'
import { invalidAt, readOnly, refused, unknown } from './errors.ts'
import { hasIdentityMap } from './evolution.ts'
import { spreadChange } from './evolve.ts'
import { guardDocument } from './guard.ts'
import { isJson, type Json, texts } from './json.ts'
import { shipped } from './library.ts'
import { adHoc, directReferences } from './lineage.ts'
import type { Registry } from './registry.ts'
import type { Lookup } from './resolve.ts'
import { altIdOf, kindNames, type Resource, tenantOf, type TenantKind } from './resource.ts'

const resourcesMax = 10_000

interface Target {
  readonly kind: TenantKind
  readonly id: string
  readonly ifMatch?: string | undefined
}

/** @throws AppError see `Schemas.create` */
export async function createResource(
  registry: Registry,
  tx: Transaction,
  caller: Caller,
  { kind, body, id }: { readonly kind: TenantKind; readonly body: unknown; readonly id?: string },
): Promise<Resource> {
  if (!isJson(body)) throw invalidAt('#', 'a JSON object was expected')
  await lockRegistry(tx, caller.sandbox.id)
  if ((await countSchemas(tx, caller.sandbox.id)) >= resourcesMax) {
    throw refused(
      'schema.limit',
      'XDM-1603-400',
      `A sandbox has at most ${resourcesMax} resources of its own.`,
    )
  }
  const identity = id === undefined ? newIdentity(caller, kind) : { id, altId: altIdOf(id) }
  const { document, checked } = await checkAuthored(registry, tx, caller, { kind, body, id: identity.id })
  if (checked.isUnion) await requireIdentity(tx, caller, { ids: [identity.id, ...checked.extends], checked })
  const now = registry.clock.now()
  const row = {
    id: identity.id,
    sandbox_id: caller.sandbox.id,
    alt_id: identity.altId,
    resource_type: kind,
    version: '1.0',
    revision: 0,
    created_at: now,
    created_by: caller.principal.id,
    updated_at: now,
    updated_by: caller.principal.id,
    ...columnsOf(document, checked),
  }
  if (!(await insertSchema(tx, row))) throw titleTaken(checked.title)
  await recordChange(registry, tx, caller, { kind, id: identity.id, revision: 0, document, before: {} })
  const stored = await lockSchema(tx, caller.sandbox.id, { id: identity.id, mode: 'share' })
  if (!stored) throw new Error('Broken invariant: a resource just stored is there.')
  return resourceOf(stored, caller.sandbox)
}

/** @throws AppError see `Schemas.replace` */
export async function replaceResource(
  registry: Registry,
  tx: Transaction,
  caller: Caller,
  given: Target & { readonly author: (current: Json) => unknown },
): Promise<Resource> {
  const { kind } = given
  const row = await ownRow(tx, caller, given)
  const before = row.document as Json
  const body = given.author(resourceOf(row, caller.sandbox).document)
  if (!isJson(body)) throw invalidAt('#', 'a JSON object was expected')
  const { document, checked, lookup } = await checkAuthored(registry, tx, caller, { kind, body, id: row.id })
  if (JSON.stringify(before) === JSON.stringify(document)) return resourceOf(row, caller.sandbox)
  const lost = texts(before['meta:immutableTags']).filter(
    (tag) => !texts(document['meta:immutableTags']).includes(tag),
  )
  if (lost.length > 0)
    throw invalidAt('#/meta:immutableTags', `the tag ${JSON.stringify(lost[0])} cannot be removed`)
  if (checked.isUnion && !row.is_union) {
    await requireIdentity(tx, caller, { ids: [row.id, ...checked.extends], checked })
  }
  const revision = row.revision + 1
  const now = registry.clock.now()
  await spreadChange(registry, tx, caller, { row, document, checked, lookup })
  await updateSchema(
    tx,
    { sandboxId: caller.sandbox.id, id: row.id },
    {
      ...columnsOf(document, checked),
      version: `1.${revision}`,
      revision,
      updated_at: now,
      updated_by: caller.principal.id,
    },
  ).catch((error: unknown) => {
    if (isUniqueViolation(error)) throw titleTaken(checked.title)
    throw error
  })
  await recordChange(registry, tx, caller, { kind, id: row.id, revision, document, before })
  const stored = await lockSchema(tx, caller.sandbox.id, { id: row.id, mode: 'share' })
  if (!stored) throw new Error('Broken invariant: a resource just stored is there.')
  return resourceOf(stored, caller.sandbox)
}

/** The author function of `replaceResource` for a JSON Patch. */
export function patched(patch: unknown): (current: Json) => Json {
  return (current) =>
    applyJsonPatch(current, patch, {
      refuse: (message, path) => invalidAt(path === '' ? '#' : path, message),
      isIgnored: isOwned,
    })
}

/** @throws AppError see `Schemas.delete` */
export async function deleteResource(
  registry: Registry,
  tx: Transaction,
  caller: Caller,
  target: Target,
): Promise<void> {
  const row = await ownRow(tx, caller, target)
  const users = await lockSchemasUsing(tx, caller.sandbox.id, row.id)
  const [user] = users
  if (user) {
    throw inUse(
      row,
      `the ${kindNames[user.resource_type]} ${JSON.stringify(user.title)}${users.length > 1 ? ` and ${users.length - 1} more` : ''} refer to it`,
    )
  }
  if (row.is_union) throw inUse(row, 'it is part of a union')
  const used = await selectSchemasWithDatasets(tx, caller.sandbox.id, [row.id])
  if (used.size > 0) throw inUse(row, 'a dataset uses it')
  await deleteDescriptorsOf(tx, caller.sandbox.id, row.id)
  await deleteSchema(tx, caller.sandbox.id, row.id)
  const { document } = row
  await recordChange(registry, tx, caller, {
    kind: target.kind,
    id: row.id,
    revision: row.revision + 1,
    document: document as Json,
    before: document as Json,
    isDelete: true,
  })
}

async function ownRow(tx: Transaction, caller: Caller, { kind, id, ifMatch }: Target): Promise<SchemaRow> {
  if (shipped(id)) throw readOnly()
  await lockRegistry(tx, caller.sandbox.id)
  const row = await lockSchema(tx, caller.sandbox.id, { id, mode: 'update' })
  if (!row || row.resource_type !== kind) throw unknown(kind, id)
  const etag = etagOf(row.revision, row.updated_at)
  const wanted = ifMatch?.replace(/^W\//, '').replaceAll('"', '').trim()
  if (wanted === undefined || wanted === '' || wanted === '*' || wanted === etag) return row
  throw refused(
    'schema.version',
    'XDM-1605-412',
    `The ${kindNames[kind]} ${JSON.stringify(row.title)} was changed since: its eTag is ${JSON.stringify(etag)}, ${JSON.stringify(wanted.slice(0, 80))} came.`,
    { hint: 'Read it again and make your change on what is there now.' },
  )
}

async function checkAuthored(
  registry: Registry,
  tx: Transaction,
  caller: Caller,
  { kind, body, id }: { readonly kind: TenantKind; readonly body: Json; readonly id: string },
): Promise<{ document: Json; checked: Checked; lookup: Lookup }> {
  const tenant = tenantOf(caller.sandbox.organizationId)
  guardDocument(kind, body, tenant)
  const isAdHocClass = kind === 'classes' && directReferences(body).includes(adHoc)
  const author = isAdHocClass ? nameWrapper(body, id) : body
  const lookup = await registry.lookup(tx, caller, [author])
  const classNamespace = directReferences(author)
    .map((reference) => lookup.document(reference)?.['meta:datasetNamespace'])
    .find((namespace) => typeof namespace === 'string')
  const document = composeDocument(kind, author, {
    id,
    datasetNamespace: isAdHocClass ? `_${id.slice(id.lastIndexOf('/') + 1)}` : classNamespace,
  })
  return { document, checked: checkDocument(kind, document, { lookup, tenant }), lookup }
}

function columnsOf(document: Json, checked: Checked) {
  return {
    title: checked.title,
    document: JSON.stringify(document),
    columns: checked.columns ? JSON.stringify(checked.columns.columns) : null,
    required: JSON.stringify(checked.columns?.required ?? []),
    constraints: JSON.stringify(checked.columns?.constraints ?? []),
    extends: [...checked.extends],
    uses: [...checked.uses],
    class_id: checked.classId ?? null,
    is_ad_hoc: checked.isAdHoc,
    is_union: checked.isUnion,
  }
}

/** Profiles are found by an identity: a union's schemas have one. */
async function requireIdentity(
  tx: Transaction,
  caller: Caller,
  { ids, checked }: { readonly ids: readonly string[]; readonly checked: Checked },
): Promise<void> {
  if (hasIdentityMap(checked.resolved)) return
  const descriptors = await selectDescriptors(tx, caller.sandbox.id, ids)
  const isPrimary = descriptors.some(
    ({ type, document }) => type === 'xdm:descriptorIdentity' && (document as Json)['xdm:isPrimary'] === true,
  )
  if (isPrimary) return
  throw refused(
    'schema.invalid',
    'XDM-1528-400',
    'a schema of a union has the field identityMap or a primary identity, neither came.',
    {
      place: '#/meta:immutableTags',
      hint: 'Add the field group https://ns.adobe.com/xdm/context/identitymap, or a primary identity descriptor.',
    },
  )
}

async function recordChange(
  registry: Registry,
  tx: Transaction,
  caller: Caller,
  given: {
    readonly kind: TenantKind
    readonly id: string
    readonly revision: number
    readonly document: Json
    readonly before: Json
    readonly isDelete?: boolean
  },
): Promise<void> {
  const action = given.isDelete ? 'delete' : given.revision === 0 ? 'create' : 'update'
  await insertSchemaChange(tx, {
    sandbox_id: caller.sandbox.id,
    schema_id: given.id,
    revision: given.revision,
    resource_type: given.kind,
    action,
    at: registry.clock.now(),
    principal_id: caller.principal.id,
    changes: JSON.stringify(changesBetween(given.before, given.document)),
    document: JSON.stringify(given.document),
  })
  await registry.audit(tx, caller, { action, assetType: kindNames[given.kind], assetId: given.id })
}

/** Of all kinds of resources of a sandbox no two have one title. */
function titleTaken(title: string) {
  return refused(
    'schema.exists',
    'XDM-1521-400',
    `a schema, class, field group or data type has the title ${JSON.stringify(title)} already.`,
    {
      place: '#/title',
      hint: 'Choose another title.',
    },
  )
}

function inUse(row: SchemaRow, reason: string) {
  return refused(
    'schema.in_use',
    'XDM-1602-400',
    `The ${kindNames[row.resource_type]} ${JSON.stringify(row.title)} cannot be deleted: ${reason}.`,
    { hint: 'Delete what uses it first.' },
  )
}

function isUniqueViolation(error: unknown): boolean {
  return codeOf(error) === '23505'
}
