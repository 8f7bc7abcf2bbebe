import type { Engine } from '#engine/engine.ts'
import { smallResult } from '#engine/small-result.ts'
import { quoteLiteral } from '#base/sql-text.ts'
import { type DataType, type Field, longType, stringType } from '#types/data-type.ts'

/** What a Parquet file says of a column or of a part of one. */
interface Node {
  readonly name: string
  readonly isNull: boolean
  readonly children: readonly Node[]
}

/**
 * The columns of a Parquet file with those that hold nothing but NULL as what they are: writers that infer types give them
 * a type of its own, of which the engine tells only how it would be stored.
 */
export async function withNullColumns(
  columns: readonly Field[],
  path: string,
  { engine, signal }: { readonly engine: Engine; readonly signal: AbortSignal },
): Promise<readonly Field[]> {
  const rows = await smallResult(
    engine,
    {
      sql: `SELECT name, logical_type = 'NullType()' AS is_null, num_children FROM parquet_schema(${quoteLiteral(path)})`,
      files: [path],
      pool: 'batch',
    },
    {
      columns: [
        { name: 'name', type: stringType },
        { name: 'is_null', type: stringType },
        { name: 'num_children', type: longType },
      ],
      signal,
    },
  )
  let next = 0
  // They come parents first.
  const node = (): Node => {
    const [name, isNull, childCount] = rows[next++] ?? []
    const children = Array.from({ length: Number(childCount ?? 0) }, node)
    return { name: String(name), isNull: String(isNull) === 'true', children }
  }
  return fieldsOf(columns, node().children)
}

function fieldsOf(fields: readonly Field[], nodes: readonly Node[]): readonly Field[] {
  return fields.map((field) => {
    const node = nodes.find(({ name }) => name === field.name)
    return node ? { ...field, type: typeOf(field.type, node) } : field
  })
}

function typeOf(type: DataType, node: Node): DataType {
  if (node.isNull) return { kind: 'void' }
  const [repeated] = node.children
  switch (type.kind) {
    case 'struct':
      return { ...type, fields: fieldsOf(type.fields, node.children) }
    case 'array': {
      const [element = repeated] = repeated?.children ?? []
      return element ? { ...type, element: typeOf(type.element, element) } : type
    }
    case 'map': {
      const value = repeated?.children[1]
      return value ? { ...type, value: typeOf(type.value, value) } : type
    }
    default:
      return type
  }
}
