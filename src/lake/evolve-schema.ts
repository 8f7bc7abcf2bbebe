import { AppError } from '#base/errors.ts'
import type { DataType, Field, StructType } from '#types/data-type.ts'
import { type IcebergStruct, icebergStruct, type IcebergType } from '#types/iceberg.ts'
import { renamedClusterPath } from './cluster-path.ts'
import { checkColumns, type TableDefinition } from './table-definition.ts'

/**
 * A change of a table's columns that leaves its files as they are. Paths lead from the top by name, through lists by
 * `element` and through maps by `value`.
 */
export type SchemaChange =
  /** At the end of the columns, or of the struct that `parent` leads to. Rows there are have NULL in it. */
  | {
      readonly kind: 'add'
      readonly parent?: readonly string[]
      readonly name: string
      readonly type: DataType
    }
  | { readonly kind: 'rename'; readonly path: readonly string[]; readonly name: string }
  /** To a larger integer, from float to double, to more digits before a decimal's point. */
  | { readonly kind: 'widen'; readonly path: readonly string[]; readonly type: DataType }

export interface Evolved {
  readonly definition: Pick<TableDefinition, 'schema' | 'dayColumn' | 'clusterBy'>
  readonly struct: IcebergStruct
  readonly lastColumnId: number
}

/** A type as it is declared and as it is stored. */
interface Pair {
  readonly declared: DataType
  readonly stored: IcebergType
}

/** @throws AppError 'schema.invalid' */
export function evolveSchema(before: Evolved, changes: readonly SchemaChange[]): Evolved {
  const evolved = changes.reduce(changed, before)
  checkColumns(evolved.definition.schema, evolved.definition.dayColumn)
  return evolved
}

function changed(before: Evolved, change: SchemaChange): Evolved {
  const { definition, struct, lastColumnId } = before
  const pair: Pair = { declared: definition.schema, stored: struct }
  const with_ = (next: Pair, other: Partial<Evolved['definition']> = {}, lastId = lastColumnId): Evolved => ({
    definition: { ...definition, ...other, schema: next.declared as StructType },
    struct: next.stored as IcebergStruct,
    lastColumnId: lastId,
  })
  switch (change.kind) {
    case 'add': {
      const added = icebergStruct({ kind: 'struct', fields: [change] }, lastColumnId)
      const next = editAt(pair, change.parent ?? [], (parent) => withField(parent, change, added.struct))
      return with_(next, {}, added.lastFieldId)
    }
    case 'rename': {
      const name = change.path.at(-1) ?? ''
      const next = editAt(pair, change.path.slice(0, -1), (parent) => renamed(parent, name, change.name))
      const isDay = change.path.length === 1 && definition.dayColumn === name
      return with_(next, {
        dayColumn: isDay ? change.name : definition.dayColumn,
        clusterBy: definition.clusterBy.map((path) => renamedClusterPath(path, definition.schema, change)),
      })
    }
    case 'widen':
      return with_(editAt(pair, change.path, (part) => widened(part, change.type, change.path)))
  }
}

function editAt(pair: Pair, path: readonly string[], edit: (pair: Pair) => Pair): Pair {
  const [name, ...rest] = path
  if (name === undefined) return edit(pair)
  const { declared, stored } = pair
  if (declared.kind === 'array' && name === 'element' && isNested(stored, 'list')) {
    const part = editAt({ declared: declared.element, stored: stored.element }, rest, edit)
    return { declared: { ...declared, element: part.declared }, stored: { ...stored, element: part.stored } }
  }
  if (declared.kind === 'map' && name === 'value' && isNested(stored, 'map')) {
    const part = editAt({ declared: declared.value, stored: stored.value }, rest, edit)
    return { declared: { ...declared, value: part.declared }, stored: { ...stored, value: part.stored } }
  }
  if (declared.kind === 'struct' && isNested(stored, 'struct')) {
    const field = declared.fields.find((candidate) => candidate.name === name)
    const storedField = stored.fields.find((candidate) => candidate.name === name)
    if (field && storedField) {
      const part = editAt({ declared: field.type, stored: storedField.type }, rest, edit)
      return {
        declared: replaced(declared, name, { ...field, type: part.declared }),
        stored: {
          ...stored,
          fields: stored.fields.map((other) =>
            other === storedField ? { ...other, type: part.stored } : other,
          ),
        },
      }
    }
  }
  throw invalid(`There is no field ${JSON.stringify(name)} to change.`)
}

function isNested<K extends 'struct' | 'list' | 'map'>(
  type: IcebergType,
  kind: K,
): type is Extract<IcebergType, { readonly type: K }> {
  return typeof type !== 'string' && type.type === kind
}

function replaced(struct: StructType, name: string, field: Field): StructType {
  return { ...struct, fields: struct.fields.map((other) => (other.name === name ? field : other)) }
}

function withField({ declared, stored }: Pair, { name, type }: Field, added: IcebergStruct): Pair {
  if (declared.kind !== 'struct' || !isNested(stored, 'struct')) {
    throw invalid(`${JSON.stringify(name)} can be added to a struct only.`)
  }
  return {
    declared: { ...declared, fields: [...declared.fields, { name, type }] },
    stored: { ...stored, fields: [...stored.fields, ...added.fields] },
  }
}

function renamed({ declared, stored }: Pair, from: string, to: string): Pair {
  const field = declared.kind === 'struct' ? declared.fields.find(({ name }) => name === from) : undefined
  if (declared.kind !== 'struct' || !field || !isNested(stored, 'struct')) {
    throw invalid(`There is no field ${JSON.stringify(from)} to rename.`)
  }
  return {
    declared: replaced(declared, from, { ...field, name: to }),
    stored: {
      ...stored,
      fields: stored.fields.map((other) => (other.name === from ? { ...other, name: to } : other)),
    },
  }
}

const integers = ['byte', 'short', 'integer', 'long']

function widened({ declared, stored }: Pair, to: DataType, path: readonly string[]): Pair {
  const rank = (type: DataType): number => integers.indexOf(type.kind)
  if (rank(declared) >= 0 && rank(to) >= rank(declared)) {
    // Whole numbers are stored as `long`; a table that another engine made may have smaller ones.
    return { declared: to, stored: stored === 'int' && to.kind === 'long' ? 'long' : stored }
  }
  if (declared.kind === 'float' && to.kind === 'double') return { declared: to, stored: 'double' }
  if (declared.kind === 'decimal' && to.kind === 'decimal') {
    const { precision, scale } = to
    if (scale === declared.scale && precision >= declared.precision && precision <= 38) {
      return { declared: to, stored: `decimal(${precision}, ${scale})` }
    }
  }
  throw invalid(`The type of ${JSON.stringify(path.join('.'))} cannot become that one.`)
}

function invalid(message: string): AppError {
  return new AppError('schema.invalid', message, {
    hint: 'Fields can be added, renamed, and given a wider type of the same kind.',
  })
}
