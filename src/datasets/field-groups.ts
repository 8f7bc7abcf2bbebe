import { isDeepStrictEqual } from 'node:util'
import { AppError } from '#base/errors.ts'
import { tenantOf } from '#schemas/resource.ts'
import type { Schemas } from '#schemas/schemas.ts'
import { rawView } from '#schemas/view.ts'
import { structType, type StructType } from '#types/data-type.ts'
import { xdmProperties } from '#types/xdm-document.ts'
import type { Caller } from './datasets.ts'

/** Field groups that statements make: the schema registry's own, by their titles. */
export interface FieldGroups {
  /**
   * @param given.isForProfiles it extends the class of profiles alone
   * @throws AppError 'schema.exists' for a name that is taken, 'schema.invalid'
   */
  create(caller: Caller, given: NewFieldGroup): Promise<FieldGroup>
  /** The one of that name; `isSame`: with these columns. */
  find(caller: Caller, given: NewFieldGroup): Promise<(FieldGroup & { readonly isSame: boolean }) | undefined>
  /** By id in either form. @throws AppError 'schema.unknown', 'schema.in_use' while a schema has it */
  remove(caller: Caller, id: string): Promise<void>
  /** What is shipped and what was made, by name. */
  list(caller: Caller): Promise<readonly FieldGroup[]>
}

export interface NewFieldGroup {
  readonly name: string
  /** They come to lie below the organisation's name. */
  readonly columns: StructType
  readonly isForProfiles: boolean
}

export interface FieldGroup {
  /** The short form, `_tenant.mixins.…`. */
  readonly id: string
  readonly name: string
  /** The principal that made it; undefined: it is shipped. */
  readonly createdBy: string | undefined
}

const profiles = 'https://ns.adobe.com/xdm/context/profile'
const pageMax = 500
const pagesMax = 200

export function createFieldGroups({ schemas }: { readonly schemas: Schemas }): FieldGroups {
  const all = async (caller: Caller, container: 'global' | 'tenant') => {
    const found = []
    let start: string | undefined
    for (let page = 0; page < pagesMax; page++) {
      const query = { orderby: 'title', limit: pageMax, start }
      const { results, next } = await schemas.list(caller, {
        container,
        kind: 'mixins',
        view: rawView,
        query,
      })
      found.push(...results)
      if (next === null) break
      start = next
    }
    return found
  }
  return {
    async create(caller, { name, columns, isForProfiles }) {
      const made = await schemas.create(caller, 'mixins', {
        title: name,
        type: 'object',
        'meta:intendedToExtend': isForProfiles ? [profiles] : [],
        properties: propertiesOf(caller, columns),
      })
      return { id: made.altId, name, createdBy: caller.principal.id }
    },
    async find(caller, { name, columns }) {
      const document = (await all(caller, 'tenant')).find(
        ({ title }) => String(title).toLowerCase() === name.toLowerCase(),
      )
      if (!document) return undefined
      const isSame = isDeepStrictEqual(document['properties'], propertiesOf(caller, columns))
      return { ...groupOf(document), isSame }
    },
    async remove(caller, id) {
      if (!(await all(caller, 'tenant')).some((document) => idsOf(document).includes(id))) throw unknown(id)
      await schemas.delete(caller, { kind: 'mixins', id })
    },
    async list(caller) {
      const documents = [...(await all(caller, 'global')), ...(await all(caller, 'tenant'))]
      return documents.map(groupOf).toSorted((one, other) => one.name.localeCompare(other.name))
    },
  }
}

/** An organisation's own fields lie below its name, whether the columns say so or not. */
function propertiesOf({ sandbox }: Caller, columns: StructType): Document {
  const tenant = `_${tenantOf(sandbox.organizationId)}`
  const isBelow = columns.fields.every(({ name }) => name === tenant)
  return xdmProperties(isBelow ? columns : structType([{ name: tenant, type: columns }]))
}

type Document = Readonly<Record<string, unknown>>

function idsOf(document: Document): unknown[] {
  return [document['$id'], document['meta:altId']]
}

function groupOf(document: Document): FieldGroup {
  const registry = document['meta:registryMetadata'] as Document | undefined
  const createdBy = document['meta:containerId'] === 'tenant' ? registry?.['xdm:createdUserId'] : undefined
  return {
    id: String(document['meta:altId']),
    name: String(document['title']),
    createdBy: typeof createdBy === 'string' ? createdBy : undefined,
  }
}

function unknown(id: string): AppError {
  return new AppError('schema.unknown', `There is no field group ${JSON.stringify(id.slice(0, 200))} here.`, {
    hint: 'See them with SHOW FIELDGROUPS; those that are shipped stay.',
  })
}
