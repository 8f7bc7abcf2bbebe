import { AppError, type TextPosition } from '#base/errors.ts'
import type { BoundExpression } from './bound.ts'
import { keyOf } from './walk.ts'
import { suggestion } from './suggest.ts'

/** What names can mean in one place. */
export interface Scope {
  readonly columns: readonly ScopeColumn[]
  /** Looked at when no column has the name: aliases of the select list, where they may be used. */
  readonly aliases: readonly ScopeColumn[]
  readonly parent: Scope | undefined
}

export interface ScopeColumn {
  readonly name: string
  /** Database, schema and table or alias it may be qualified with, outermost first. */
  readonly qualifiers: readonly string[]
  readonly value: BoundExpression
  /** Merged away by USING: only its qualified name reaches it, and `*` leaves it out. */
  readonly isHidden: boolean
}

export const emptyScope: Scope = { columns: [], aliases: [], parent: undefined }

/** A resolved path: the column and the field names behind it. */
export interface Resolved {
  readonly value: BoundExpression
  readonly rest: number
}

/**
 * Finds the column that the first parts of a path name; `rest` is how many parts it took. The most qualified reading
 * wins; inner scopes come before outer ones.
 */
export function resolvePath(scope: Scope, parts: readonly string[], at: TextPosition): Resolved | undefined {
  for (let level: Scope | undefined = scope; level; level = level.parent) {
    const found = resolveIn(level.columns, parts, at) ?? resolveIn(level.aliases, parts, at)
    if (found) return found
  }
  return undefined
}

function resolveIn(
  columns: readonly ScopeColumn[],
  parts: readonly string[],
  at: TextPosition,
): Resolved | undefined {
  for (let qualifierCount = Math.min(3, parts.length - 1); qualifierCount >= 0; qualifierCount--) {
    const name = parts[qualifierCount]?.toLowerCase()
    const qualifiers = parts.slice(0, qualifierCount)
    const matches = columns.filter(
      (column) =>
        column.name.toLowerCase() === name &&
        (qualifierCount > 0 ? isQualifiedBy(column, qualifiers) : !column.isHidden),
    )
    const [first] = matches
    if (!first) continue
    if (matches.some((match) => keyOf(match.value) !== keyOf(first.value))) {
      const tables = [...new Set(matches.map((match) => match.qualifiers.at(-1) ?? 'a subquery'))]
      throw new AppError('query.unknown_column', `The column ${parts[qualifierCount]} is ambiguous.`, {
        position: at,
        hint: `Say which table it is of: ${tables.join(' or ')}.`,
      })
    }
    return { value: first.value, rest: qualifierCount + 1 }
  }
  return resolveDotted(columns, parts)
}

/** A column whose own name has dots, as those of flattened tables. */
function resolveDotted(columns: readonly ScopeColumn[], parts: readonly string[]): Resolved | undefined {
  const path = parts.join('.').toLowerCase()
  const found = columns.find(({ name, qualifiers }) => {
    if (!name.includes('.') || !path.includes(name.toLowerCase())) return false
    const names = [name, `${qualifiers.at(-1)}.${name}`].map((text) => text.toLowerCase())
    return names.some((text) => path === text || path.startsWith(`${text}.`))
  })
  if (!found) return undefined
  const isQualified = !path.startsWith(found.name.toLowerCase())
  return { value: found.value, rest: found.name.split('.').length + (isQualified ? 1 : 0) }
}

export function isQualifiedBy(column: ScopeColumn, qualifiers: readonly string[]): boolean {
  const own = column.qualifiers.slice(-qualifiers.length)
  return (
    own.length === qualifiers.length &&
    own.every((qualifier, index) => qualifier.toLowerCase() === qualifiers[index]?.toLowerCase())
  )
}

export function unknownColumn(scope: Scope, parts: readonly string[], at: TextPosition): AppError {
  const names: string[] = []
  for (let level: Scope | undefined = scope; level; level = level.parent) {
    for (const column of [...level.columns, ...level.aliases]) {
      names.push(column.name)
      const table = column.qualifiers.at(-1)
      if (table !== undefined) names.push(`${table}.${column.name}`)
    }
  }
  const path = parts.join('.')
  const isSystem = parts.some((part) => /^_acp_(?:batchid|system_metadata)$/i.test(part))
  return new AppError('query.unknown_column', `There is no column ${path}.`, {
    position: at,
    hint: isSystem
      ? 'Tables show their system columns after SET drop_system_columns = false.'
      : (suggestion(path, names) ?? (parts[0] === undefined ? undefined : suggestion(parts[0], names))),
  })
}
