import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { isUuid } from '#base/ids.ts'
import type { Transaction } from '#metadata/metadata.ts'
import { deletePolicy, type PolicyRow, putPolicy, selectPolicies } from '#metadata/roles.ts'
import type { Caller } from './access.ts'
import {
  type Admin,
  checkVersion,
  etagOf,
  type PatchOperation,
  subjectIdOf,
  unknownThing,
} from './administration.ts'

const rule = z.looseObject({
  effect: z.enum(['Permit', 'Deny']),
  resource: z.string().max(1_000),
  condition: z.string().max(10_000).default('{"and":[true]}'),
  actions: z.array(z.string().max(200)).max(20).default(['com.adobe.action.read']),
})
const document = z.object({
  name: z.string().min(1).max(255),
  description: z.string().max(4_000).default(''),
  status: z.enum(['active', 'inactive']).default('inactive'),
  subjectCondition: z.unknown().default(null),
  rules: z.array(rule).max(100).default([]),
})
type Document = z.infer<typeof document>

export interface StoredPolicy extends Document {
  readonly id: string
  readonly etag: string
  readonly createdBy: string
  readonly createdAt: Date
  readonly modifiedBy: string
  readonly modifiedAt: Date
}

/** Access policies as documents: kept whole for their evaluation, which nothing does yet. */
export function createPolicyAdmin(admin: Admin) {
  const { metadata, clock } = admin

  async function found(
    db: Transaction | Admin['metadata']['db'],
    asker: Caller,
    id: string,
    isLocked: boolean,
  ): Promise<PolicyRow> {
    const { organizationId } = asker.principal
    const [row] = isUuid(id) ? await selectPolicies(db, { organizationId, id, isLocked }) : []
    if (row) return row
    throw unknownThing('access policy', id)
  }

  async function change(
    asker: Caller,
    id: string,
    options: { readonly ifMatch: string | undefined; readonly next: (now: Document) => unknown },
  ): Promise<StoredPolicy> {
    await admin.require(asker)
    return await metadata.transaction(async (tx) => {
      const row = await found(tx, asker, id, true)
      checkVersion(row.version, options.ifMatch)
      const next: PolicyRow = {
        ...row,
        document: checked(options.next(document.parse(row.document))),
        version: row.version + 1,
        modified_at: clock.now(),
        modified_by: subjectIdOf(asker.principal.id),
      }
      await putPolicy(tx, next)
      await admin.record(tx, asker, { action: 'update', assetType: 'Access Policy', assetId: id })
      return policyOf(next)
    })
  }

  return {
    policies: async (asker: Caller): Promise<StoredPolicy[]> => {
      await admin.require(asker)
      const { organizationId } = asker.principal
      return (await selectPolicies(metadata.db, { organizationId })).map(policyOf)
    },
    policy: async (asker: Caller, id: string): Promise<StoredPolicy> => {
      await admin.require(asker)
      return policyOf(await found(metadata.db, asker, id, false))
    },
    createPolicy: async (asker: Caller, input: unknown): Promise<StoredPolicy> => {
      await admin.require(asker)
      const [at, by] = [clock.now(), subjectIdOf(asker.principal.id)]
      const row: PolicyRow = {
        id: admin.newId(),
        organization_id: asker.principal.organizationId,
        document: checked(input),
        version: 1,
        created_at: at,
        created_by: by,
        modified_at: at,
        modified_by: by,
      }
      return await metadata.transaction(async (tx) => {
        await putPolicy(tx, row)
        await admin.record(tx, asker, { action: 'create', assetType: 'Access Policy', assetId: row.id })
        return policyOf(row)
      })
    },
    replacePolicy: (asker: Caller, id: string, input: unknown, ifMatch?: string) =>
      change(asker, id, { ifMatch, next: () => input }),
    patchPolicy: (asker: Caller, id: string, operations: readonly PatchOperation[], ifMatch?: string) =>
      change(asker, id, { ifMatch, next: (now) => operations.reduce(patched, now) }),
    deletePolicy: async (asker: Caller, id: string): Promise<void> => {
      await admin.require(asker)
      await metadata.transaction(async (tx) => {
        await found(tx, asker, id, true)
        await deletePolicy(tx, id)
        await admin.record(tx, asker, { action: 'delete', assetType: 'Access Policy', assetId: id })
      })
    },
  }
}

function patched(now: Document, { op, path, value }: PatchOperation): Document {
  const [key = '', step, ...rest] = path.replace(/^\//, '').split('/')
  if (!Object.hasOwn(document.shape, key) || rest.length > 0) throw noSuch(path)
  if (step === undefined) return { ...now, [key]: op === 'remove' ? undefined : value }
  if (key !== 'rules') throw noSuch(path)
  const index = step === '-' && op === 'add' ? now.rules.length : Number(step)
  if (!/^(?:\d{1,3}|-)$/.test(step) || !(index < now.rules.length + (op === 'add' ? 1 : 0)))
    throw noSuch(path)
  const added = op === 'remove' ? [] : [value as Document['rules'][number]]
  return { ...now, rules: now.rules.toSpliced(index, op === 'add' ? 0 : 1, ...added) }
}

function noSuch(path: string): AppError {
  return new AppError('admin.invalid', `There is no ${path.slice(0, 80)} to patch in an access policy.`)
}

function checked(input: unknown): Document {
  const parsed = document.safeParse(input)
  if (parsed.success) return parsed.data
  throw new AppError('admin.invalid', `This is no access policy: ${z.prettifyError(parsed.error)}`)
}

function policyOf(row: PolicyRow): StoredPolicy {
  return {
    ...document.parse(row.document),
    id: row.id,
    etag: etagOf(row.version),
    createdBy: row.created_by,
    createdAt: row.created_at,
    modifiedBy: row.modified_by,
    modifiedAt: row.modified_at,
  }
}
