import { must } from '#base/assert.ts'
import type { DataType, Field } from '#types/data-type.ts'
import { type IcebergStruct, type IcebergType, nestedIds, type NestedIds } from '#types/iceberg.ts'
import { storedTypeOf } from './stored-type.ts'

/** What a plan reads, for engines that take files and field ids instead of our engine's text. */
export interface ScanParts {
  /** As declared: what the scan gives. */
  readonly columns: readonly Field[]
  /** Every column that may be asked for, with the types that files hold. */
  readonly stored: readonly Field[]
  readonly fieldIds: NestedIds
  readonly groups: readonly ScanPart[]
}

export interface ScanPart {
  /** Where they are while a lease holds them. */
  readonly paths: readonly string[]
  /** Only rows that came in after this time, and those that do not say when they did. */
  readonly ingestedAfterMs?: number
}

export function scanParts(
  struct: IcebergStruct,
  { columns, all }: { readonly columns: readonly Field[]; readonly all: readonly Field[] },
  groups: readonly ScanPart[],
): ScanParts {
  return {
    columns,
    stored: all.flatMap(({ name, type }) => {
      const own = struct.fields.find((field) => field.name === name)
      return own ? [{ name, type: storedAs(type, own.type) }] : []
    }),
    fieldIds: nestedIds(struct),
    groups: groups.filter(({ paths }) => paths.length > 0),
  }
}

/** The declared type's shape with what files hold in its places. */
function storedAs(declared: DataType, own: IcebergType): DataType {
  if (typeof own === 'string') return storedTypeOf(own)
  switch (declared.kind) {
    case 'struct':
      return {
        ...declared,
        fields: declared.fields.map(({ name, type }) => {
          const part = own.type === 'struct' ? own.fields.find((field) => field.name === name) : undefined
          return { name, type: storedAs(type, must(part, `the table has the field ${name}`).type) }
        }),
      }
    case 'array':
      return own.type === 'list'
        ? { ...declared, element: storedAs(declared.element, own.element) }
        : declared
    case 'map':
      return own.type === 'map'
        ? { ...declared, key: storedAs(declared.key, own.key), value: storedAs(declared.value, own.value) }
        : declared
    default:
      return storedTypeOf(own)
  }
}
