import { randomBytes } from 'node:crypto'
import { AppError } from '#base/errors.ts'
import type { OrganizationId } from '#base/ids.ts'
import { insertSchema, selectSchema } from '#metadata/datasets.ts'
import type { Db } from '#metadata/metadata.ts'
import { structTypeFromJson } from '#types/data-type-json.ts'
import type { StructType } from '#types/data-type.ts'
import { columnsOfXdm, type XdmColumns } from '#types/xdm.ts'
import { xdmProperties } from '#types/xdm-document.ts'
import type { Caller, RegisteredSchema } from './datasets.ts'
import { standardClass } from './standard-classes.ts'

const titleLengthMax = 255
const documentBytesMax = 5 * 1024 * 1024
/** Set by us; what a client sends back of them is ignored. */
const ownedKeys = new Set([
  '$id',
  'meta:altId',
  'meta:resourceType',
  'version',
  'imsOrg',
  'meta:containerId',
  'meta:sandboxId',
  'meta:sandboxType',
  'meta:registryMetadata',
  'meta:tenantNamespace',
  'meta:extends',
  'meta:xdmType',
  'meta:extensible',
  'meta:abstract',
])

/** A schema with what rows must not leave out. */
export interface SchemaToUse {
  readonly id: string
  readonly isAdHoc: boolean
  readonly columns: StructType
  readonly required: XdmColumns['required']
}

/** @throws AppError 'schema.invalid', 'schema.unknown' */
export async function registerSchema(
  db: Db,
  caller: Caller,
  { document, now }: { readonly document: unknown; readonly now: Date },
): Promise<RegisteredSchema> {
  const { columns } = columnsOfXdm(document, standardClass)
  const author = document as Readonly<Record<string, unknown>>
  const { title } = author
  if (typeof title !== 'string' || title.length < 1 || title.length > titleLengthMax) {
    throw new AppError(
      'schema.invalid',
      `#/title: a text of 1 to ${titleLengthMax} characters was expected.`,
      {
        hint: 'Give the schema a title.',
      },
    )
  }
  if (JSON.stringify(document).length > documentBytesMax) {
    throw new AppError('schema.invalid', `A schema has at most ${documentBytesMax} bytes.`, {
      hint: 'Split it.',
    })
  }
  const schema = compose(caller, author, { title, columns })
  const isNew = await insertSchema(db, rowOf(caller, schema, { isAdHoc: false, now }))
  if (isNew) return schema
  throw new AppError('schema.invalid', `#/title: there is a schema ${JSON.stringify(title)} already.`, {
    hint: 'Choose another title.',
  })
}

/** The schema of a dataset that was made from columns: generated, used by it alone. */
export async function registerColumns(
  db: Db,
  caller: Caller,
  { title, columns, now }: { readonly title: string; readonly columns: StructType; readonly now: Date },
): Promise<SchemaToUse> {
  const author = {
    title,
    type: 'object',
    properties: xdmProperties(columns),
    'meta:class': 'https://ns.adobe.com/xdm/data/adhoc',
  }
  const schema = compose(caller, author, { title, columns })
  await insertSchema(db, rowOf(caller, schema, { isAdHoc: true, now }))
  return { id: schema.id, isAdHoc: true, columns, required: [] }
}

/** @throws AppError 'schema.unknown' */
export async function schemaToUse(db: Db, caller: Caller, id: string): Promise<SchemaToUse> {
  const row = await selectSchema(db, caller.sandbox.id, id)
  if (!row) throw unknownSchema(id)
  const columns = structTypeFromJson(row.columns)
  const required = row.is_ad_hoc ? [] : columnsOfXdm(row.document, standardClass).required
  return { id: row.id, isAdHoc: row.is_ad_hoc, columns, required }
}

export function unknownSchema(id: string): AppError {
  return new AppError(
    'schema.unknown',
    `There is no schema ${JSON.stringify(id.slice(0, 200))} in this sandbox.`,
    {
      hint: 'Register it first, or list the schemas to see their ids.',
    },
  )
}

function compose(
  caller: Caller,
  author: Readonly<Record<string, unknown>>,
  { title, columns }: { readonly title: string; readonly columns: StructType },
): RegisteredSchema {
  const { organizationId, id: sandboxId } = caller.sandbox
  const tenant = tenantOf(organizationId)
  const id = `https://ns.adobe.com/${tenant}/schemas/${randomBytes(24).toString('hex')}`
  const altId = `_${id.replace('https://ns.adobe.com/', '').replaceAll('/', '.')}`
  const version = '1.0'
  const document = {
    $id: id,
    'meta:altId': altId,
    'meta:resourceType': 'schemas',
    version,
    type: 'object',
    ...Object.fromEntries(Object.entries(author).filter(([key]) => !ownedKeys.has(key))),
    imsOrg: organizationId,
    'meta:extensible': false,
    'meta:abstract': false,
    'meta:xdmType': 'object',
    'meta:containerId': 'tenant',
    'meta:sandboxId': sandboxId,
    'meta:tenantNamespace': `_${tenant}`,
  }
  return { id, altId, title, version, document, columns }
}

function rowOf(
  caller: Caller,
  schema: RegisteredSchema,
  { isAdHoc, now }: { readonly isAdHoc: boolean; readonly now: Date },
) {
  return {
    id: schema.id,
    sandbox_id: caller.sandbox.id,
    alt_id: schema.altId,
    title: schema.title,
    version: schema.version,
    document: JSON.stringify(schema.document),
    columns: JSON.stringify(schema.columns),
    is_ad_hoc: isAdHoc,
    created_at: now,
    created_by: caller.principal.id,
  }
}

/** One a tenant, the same in all its sandboxes; begins with a letter. */
function tenantOf(organizationId: OrganizationId): string {
  return `t${organizationId.replace(/@.*$/, '').toLowerCase()}`.slice(0, 64)
}
