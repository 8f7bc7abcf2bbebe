import type { Caller } from '#access/access.ts'
import { AppError } from '#base/errors.ts'
import {
  insertNamespace,
  type NamespaceRow,
  selectNamespace,
  selectNamespaces,
  updateNamespace,
} from '#metadata/identities.ts'
import type { Db } from '#metadata/metadata.ts'
import { registryOf, type SchemasDependencies } from './registry.ts'
import { xidOf } from './xid.ts'

/** What an id of a person, a device or a thing is an id of. */
export interface IdentityNamespace {
  readonly id: number
  readonly code: string
  readonly name: string
  readonly description: string
  readonly idType: IdType
  readonly isCustom: boolean
  readonly createdAt: Date
  readonly updatedAt: Date
}

export const idTypes = [
  'COOKIE',
  'DEVICE',
  'CROSS_DEVICE',
  'EMAIL',
  'PHONE',
  'MOBILE',
  'NON_PEOPLE',
  'PARTNER',
  'B2B_ACCOUNT',
  'B2B_ACCOUNT_PERSON',
  'B2B_OPPORTUNITY',
  'B2B_OPPORTUNITY_PERSON',
  'B2B_CAMPAIGN',
  'B2B_CAMPAIGN_MEMBER',
  'B2B_MARKETING_LIST',
  'B2B_MARKETING_LIST_MEMBER',
] as const
export type IdType = (typeof idTypes)[number]

export interface NewNamespace {
  readonly name: string
  readonly code: string
  /** In any case. */
  readonly idType: string
  readonly description?: string | undefined
}

/** Identity namespaces of a sandbox: those everybody has, and its own. Each call asks the decision function first. */
export interface Namespaces {
  list(caller: Caller): Promise<readonly IdentityNamespace[]>
  /** @throws AppError 'namespace.unknown' */
  get(caller: Caller, id: number): Promise<IdentityNamespace>
  /** @throws AppError 'namespace.exists' for a code that is taken, whatever its case; 'request.invalid' */
  create(caller: Caller, namespace: NewNamespace): Promise<IdentityNamespace>
  /** Name and description change; code and type never do. @throws AppError 'namespace.unknown', 'request.invalid' */
  replace(caller: Caller, id: number, namespace: NewNamespace): Promise<IdentityNamespace>
  /** An opaque name for an id of a namespace. @throws AppError 'namespace.unknown', 'request.invalid' */
  xid(
    caller: Caller,
    identity: {
      readonly namespace: { readonly id: number } | { readonly code: string }
      readonly id: string
    },
  ): Promise<string>
}

const textMax = 1_000
const codeMax = 64
const identityMax = 1_024
const namespacesMax = 5_000
const shippedAt = new Date('2026-08-19T00:00:00Z')

const standard: readonly IdentityNamespace[] = (
  [
    [0, 'CORE', 'CORE', 'COOKIE'],
    [4, 'ECID', 'ECID', 'COOKIE'],
    [6, 'Email', 'Email', 'EMAIL'],
    [7, 'Phone', 'Phone', 'PHONE'],
    [8, 'WAID', 'Windows AID', 'DEVICE'],
    [9, 'TNTID', 'TNTID', 'COOKIE'],
    [10, 'AAID', 'Adobe Analytics (legacy ID)', 'COOKIE'],
    [11, 'Email_LC_SHA256', 'Emails (SHA256, lowercased)', 'EMAIL'],
    [14, 'Phone_E.164', 'Phone (E.164)', 'PHONE'],
    [15, 'Phone_SHA256', 'Phone (SHA256)', 'PHONE'],
    [16, 'Phone_SHA256_E.164', 'Phone (SHA256_E.164)', 'PHONE'],
    [411, 'AdCloud', 'AdCloud', 'COOKIE'],
    [20914, 'GAID', 'Google Ad ID', 'DEVICE'],
    [20915, 'IDFA', 'Apple IDFA', 'DEVICE'],
    [20919, 'FCM', 'FCM', 'DEVICE'],
    [20920, 'APNS', 'APNS', 'DEVICE'],
  ] as const
).map(([id, code, name, idType]) => ({
  id,
  code,
  name,
  description: '',
  idType,
  isCustom: false,
  createdAt: shippedAt,
  updatedAt: shippedAt,
}))

export function createNamespaces(dependencies: Omit<SchemasDependencies, 'columnsAdded'>): Namespaces {
  const registry = registryOf({ ...dependencies, columnsAdded: async () => {} })
  const { metadata, clock } = dependencies
  const { db } = metadata
  return {
    async list(caller) {
      await registry.require(caller, 'view-identity-namespaces')
      const own = await selectNamespaces(db, caller.sandbox.id)
      return [...standard, ...own.map(namespaceOf)]
    },
    async get(caller, id) {
      await registry.require(caller, 'view-identity-namespaces')
      const found = await findNamespace(db, caller, { id })
      if (found) return found
      throw unknownNamespace(String(id))
    },
    async create(caller, given) {
      await registry.require(caller, 'manage-identity-namespaces')
      const { name, code, description } = checked(given)
      const idType = idTypeOf(given.idType)
      return await metadata.transaction(async (tx) => {
        if (await findNamespace(tx, caller, { code })) throw codeTaken(code)
        if ((await selectNamespaces(tx, caller.sandbox.id)).length >= namespacesMax) {
          throw new AppError(
            'schema.limit',
            `A sandbox has at most ${namespacesMax} identity namespaces of its own.`,
          )
        }
        const now = clock.now()
        const made = await insertNamespace(tx, {
          sandbox_id: caller.sandbox.id,
          code,
          name,
          description,
          id_type: idType,
          created_at: now,
          updated_at: now,
          created_by: caller.principal.id,
        })
        if (!made) throw codeTaken(code)
        const change = { action: 'create', assetType: 'identity namespace', assetId: String(made.id) }
        await registry.audit(tx, caller, change)
        return namespaceOf(made)
      })
    },
    async replace(caller, id, given) {
      await registry.require(caller, 'manage-identity-namespaces')
      const { name, code, description } = checked(given)
      return await metadata.transaction(async (tx) => {
        const found = await findNamespace(tx, caller, { id })
        if (!found) throw unknownNamespace(String(id))
        if (!found.isCustom) {
          throw new AppError('schema.read_only', 'What the product ships cannot be changed.', {
            hint: 'Make a namespace of your own.',
          })
        }
        if (found.code !== code || found.idType !== idTypeOf(given.idType)) {
          throw new AppError('request.invalid', 'code and idType are non editable fields.', {
            hint: `Send code ${JSON.stringify(found.code)} and idType ${found.idType}.`,
          })
        }
        const key = { sandboxId: caller.sandbox.id, id }
        const row = await updateNamespace(tx, key, { name, description, updated_at: clock.now() })
        if (!row) throw unknownNamespace(String(id))
        const change = { action: 'update', assetType: 'identity namespace', assetId: String(id) }
        await registry.audit(tx, caller, change)
        return namespaceOf(row)
      })
    },
    async xid(caller, { namespace, id }) {
      await registry.require(caller, 'view-identity-graph')
      if (id === '' || id.length > identityMax) {
        throw new AppError('request.invalid', `id: 1 to ${identityMax} characters were expected.`)
      }
      const found = await findNamespace(db, caller, namespace)
      if (!found) throw unknownNamespace('id' in namespace ? String(namespace.id) : namespace.code)
      return await xidOf(db, caller, { namespaceId: found.id, id })
    },
  }
}

/** By code (whatever its case) or id. */
export async function findNamespace(
  db: Db,
  caller: Caller,
  key: { readonly id: number } | { readonly code: string },
): Promise<IdentityNamespace | undefined> {
  const shipped = standard.find((candidate) =>
    'id' in key ? candidate.id === key.id : candidate.code.toLowerCase() === key.code.toLowerCase(),
  )
  if (shipped) return shipped
  const row = await selectNamespace(db, caller.sandbox.id, key)
  return row && namespaceOf(row)
}

function namespaceOf(row: NamespaceRow): IdentityNamespace {
  return {
    id: row.id,
    code: row.code,
    name: row.name,
    description: row.description,
    idType: row.id_type as IdType,
    isCustom: true,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function checked({ name, code, description = '' }: NewNamespace) {
  if (!/^[\w.-]+$/.test(code) || code.length > codeMax) {
    throw new AppError(
      'request.invalid',
      `code: 1 to ${codeMax} letters, digits, "_", "." and "-" were expected, ${JSON.stringify(code.slice(0, 80))} came.`,
    )
  }
  for (const [field, text] of [
    ['name', name],
    ['description', description],
  ] as const) {
    if (text.length > textMax || (field === 'name' && text.trim() === '')) {
      throw new AppError('request.invalid', `${field}: a text of 1 to ${textMax} characters was expected.`)
    }
  }
  return { name, code, description }
}

function idTypeOf(text: string): IdType {
  const wanted = text.toUpperCase()
  const found = idTypes.find((idType) => idType === wanted)
  if (found) return found
  throw new AppError(
    'request.invalid',
    `idType: one of ${idTypes.join(', ')} was expected, ${JSON.stringify(text.slice(0, 80))} came.`,
  )
}

function unknownNamespace(id: string): AppError {
  return new AppError(
    'namespace.unknown',
    `There is no identity namespace ${JSON.stringify(id.slice(0, 80))} in this sandbox.`,
    { hint: 'List the namespaces to see their ids.' },
  )
}

function codeTaken(code: string): AppError {
  return new AppError('namespace.exists', `The code ${JSON.stringify(code)} is taken.`, {
    hint: 'Choose another code.',
  })
}
