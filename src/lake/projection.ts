import { assert } from '#base/assert.ts'
import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import type { DataType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import type { IcebergField, IcebergType } from '#types/iceberg.ts'
import type { ShapeNode } from './file-shape.ts'

/**
 * A column of today from a file that names its parts as it was: every field is taken by its id and given today's name
 * and type; what the file does not have is NULL.
 */
export function projection(type: DataType, field: IcebergField, shape: readonly ShapeNode[]): string {
  const node = partOf(shape, field)
  return node
    ? projected(type, field.type, { node, sql: quoteIdentifier(node.name), depth: 0 })
    : nullOf(type)
}

interface Source {
  readonly node: ShapeNode
  readonly sql: string
  /** Of lambdas around it. */
  readonly depth: number
}

function projected(type: DataType, wanted: IcebergType, { node, sql, depth }: Source): string {
  if (typeof wanted === 'string' || hasNames(wanted, node)) return `CAST(${sql} AS ${duckdbType(type)})`
  const item = `v${depth}`
  const items = (list: string, part: DataType, of: IcebergType, partNode: ShapeNode | undefined): string =>
    `list_transform(${list}, lambda ${item}: ${
      partNode ? projected(part, of, { node: partNode, sql: item, depth: depth + 1 }) : nullOf(part)
    })`
  switch (wanted.type) {
    case 'list':
      assert(type.kind === 'array', 'a list is declared as an array')
      return items(sql, type.element, wanted.element, node.parts[0])
    case 'map': {
      assert(type.kind === 'map', 'a map is declared as a map')
      const keys = items(`map_keys(${sql})`, type.key, wanted.key, node.parts[0])
      const values = items(`map_values(${sql})`, type.value, wanted.value, node.parts[1])
      return `CASE WHEN ${sql} IS NULL THEN NULL ELSE map(${keys}, ${values}) END`
    }
    case 'struct': {
      assert(type.kind === 'struct', 'a struct is declared as a struct')
      const fields = type.fields.map((declared) => {
        const field = wanted.fields.find((candidate) => candidate.name === declared.name)
        assert(field, 'columns are declared as they are stored')
        const part = partOf(node.parts, field)
        const value = part
          ? projected(declared.type, field.type, {
              node: part,
              sql: `struct_extract(${sql}, ${quoteLiteral(part.name)})`,
              depth,
            })
          : nullOf(declared.type)
        return `${quoteIdentifier(declared.name)} := ${value}`
      })
      return `CASE WHEN ${sql} IS NULL THEN NULL ELSE struct_pack(${fields.join(', ')}) END`
    }
  }
}

/** Whether the file names everything inside of the type as it is named today, no more and no less. */
export function hasNames(type: IcebergType, node: ShapeNode): boolean {
  if (typeof type === 'string') return node.parts.length === 0
  if (type.type === 'list') return node.parts[0] !== undefined && hasNames(type.element, node.parts[0])
  if (type.type === 'map') {
    const [key, value] = node.parts
    return key !== undefined && value !== undefined && hasNames(type.key, key) && hasNames(type.value, value)
  }
  return (
    type.fields.length === node.parts.length &&
    type.fields.every((field) => {
      const part = partOf(node.parts, field)
      return part !== undefined && part.name === field.name && hasNames(field.type, part)
    })
  )
}

/** By id; by name only in a file that gives its fields no ids at all. */
export function partOf(
  parts: readonly ShapeNode[],
  field: { readonly id: number; readonly name: string },
): ShapeNode | undefined {
  return (
    parts.find((part) => part.id === field.id) ??
    (parts.every((part) => part.id === undefined)
      ? parts.find((part) => part.name === field.name)
      : undefined)
  )
}

function nullOf(type: DataType): string {
  return `NULL::${duckdbType(type)}`
}
