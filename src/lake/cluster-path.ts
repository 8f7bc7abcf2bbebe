import { AppError } from '#base/errors.ts'
import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import type { DataType, StructType } from '#types/data-type.ts'

export interface ClusterPath {
  /** In the engine's dialect, over a row's columns. */
  readonly expression: string
  /** Names from the top; absent when the path leads into a list or map, of which Iceberg can say no order. */
  readonly names: readonly string[] | undefined
}

const step =
  /\s*(?:(\.)?\s*(?:`((?:[^`]|``)+)`|([A-Za-z_][A-Za-z0-9_]*))|\[\s*(?:'((?:[^'\\]|'')*)'|(\d+))\s*\])\s*/y

/**
 * Reads a path in Spark's syntax against the columns: names, `map['key']`, `list[0]`.
 * @throws AppError 'schema.invalid' when it leads nowhere or to something that has no order.
 */
export function clusterPath(text: string, columns: StructType): ClusterPath {
  const invalid = (why: string): AppError =>
    new AppError('schema.invalid', `Rows cannot be clustered by ${JSON.stringify(text)}: ${why}.`)
  let type: DataType = columns
  let expression = ''
  let names: string[] | undefined = []
  step.lastIndex = 0
  for (let isFirst = true; step.lastIndex < text.length || isFirst; isFirst = false) {
    const [, dot, quoted, plain, key, index] = step.exec(text) ?? []
    const name = quoted?.replaceAll('``', '`') ?? plain
    if (name !== undefined && type.kind === 'struct' && (dot === undefined) === isFirst) {
      const field: { name: string; type: DataType } | undefined = type.fields.find(
        (candidate) => candidate.name.toLowerCase() === name.toLowerCase(),
      )
      if (!field) throw invalid(`there is no ${JSON.stringify(name)}`)
      expression = isFirst
        ? quoteIdentifier(field.name)
        : `struct_extract(${expression}, ${quoteLiteral(field.name)})`
      names?.push(field.name)
      type = field.type
    } else if (key !== undefined && type.kind === 'map' && type.key.kind === 'string') {
      expression = `${expression}[${quoteLiteral(key.replaceAll("''", "'"))}]`
      names = undefined
      type = type.value
    } else if (index !== undefined && type.kind === 'array') {
      expression = `${expression}[${Number(index) + 1}]` // The engine counts from 1.
      names = undefined
      type = type.element
    } else throw invalid('a name, a key of a map or an index of a list was expected')
  }
  if (['struct', 'array', 'map', 'void', 'interval'].includes(type.kind)) throw invalid('it has no order')
  return { expression, names }
}

/** The path after the renaming of a field; `path` leads to it, with `element` and `value` for what is inside. */
export function renamedClusterPath(
  text: string,
  columns: StructType,
  { path, name }: { readonly path: readonly string[]; readonly name: string },
): string {
  let type: DataType = columns
  let renamed = ''
  const trail: string[] = []
  step.lastIndex = 0
  while (step.lastIndex < text.length) {
    const [whole = '', , quoted, plain] = step.exec(text) ?? []
    const word = (quoted?.replaceAll('``', '`') ?? plain)?.toLowerCase()
    let piece = whole
    if (word !== undefined && type.kind === 'struct') {
      const field: { name: string; type: DataType } | undefined = type.fields.find(
        (candidate) => candidate.name.toLowerCase() === word,
      )
      trail.push(field?.name ?? word)
      type = field?.type ?? type
      if (trail.length === path.length && trail.every((part, index) => part === path[index])) {
        piece = `${renamed === '' ? '' : '.'}\`${name.replaceAll('`', '``')}\``
      }
    } else if (type.kind === 'map') {
      trail.push('value')
      type = type.value
    } else if (type.kind === 'array') {
      trail.push('element')
      type = type.element
    } else return text
    renamed += piece
  }
  return renamed
}
