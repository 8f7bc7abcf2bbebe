import { parquetMetadata, parquetSchema, type SchemaTree } from 'hyparquet'
import { assert } from '#base/assert.ts'

/**
 * How a data file names its columns: a file that is older than a renaming has the older names, and the engine finds
 * fields inside of columns by name.
 */
export interface FileShape {
  readonly columns: readonly ShapeNode[]
  /** Equal for files that the engine sees as the same. */
  readonly signature: string
}

export interface ShapeNode {
  readonly name: string
  /** Iceberg's field id; absent where the file does not say it. */
  readonly id: number | undefined
  /** A struct's fields; a list's element; a map's key and value. */
  readonly parts: readonly ShapeNode[]
  readonly type: string
}

/** @param footer the end of a Parquet file, from its footer on */
export function shapeOf(footer: Buffer): FileShape {
  const metadata = parquetMetadata(new Uint8Array(footer).buffer)
  const columns = parquetSchema(metadata).children.map(nodeOf)
  return { columns, signature: JSON.stringify(columns) }
}

function nodeOf(tree: SchemaTree): ShapeNode {
  const { element } = tree
  const { converted_type: converted, logical_type: logical, type } = element
  const isNested = converted === 'LIST' || converted === 'MAP' || converted === 'MAP_KEY_VALUE'
  // Both wrap what they hold in one repeated group.
  const [group] = tree.children
  const parts = isNested ? (group?.children ?? []) : tree.children
  if (isNested) assert(parts.length === (converted === 'LIST' ? 1 : 2), 'a list or map has its parts')
  return {
    name: element.name,
    id: element.field_id,
    parts: parts.map(nodeOf),
    type: [type, converted, logical?.type, element.precision, element.scale].join(' '),
  }
}
