import { shortened, shownValue } from '#base/shown-text.ts'
import { quoteLiteral } from '#base/sql-text.ts'
import {
  type Constraints,
  elementStep,
  type FieldPath,
  pathText,
  type TextFormat,
  valueStep,
} from '#types/constraints.ts'
import type { StructType } from '#types/data-type.ts'
import { enginePattern } from '#types/engine-pattern.ts'

/** What a row must not be: a condition over it in the engine's words, true for rows that are refused. */
export interface RowCheck {
  readonly sql: string
  /** Of the row, as what stands behind it: `the field "n" is less than 1`. */
  readonly reason: string
}

/**
 * A condition over what is at the end of a path; where that goes through arrays and maps, over any of what is there.
 * NULL below a parent that is missing.
 */
function anywhere(
  value: string,
  [step, ...rest]: FieldPath,
  condition: (value: string) => string,
  depth = 0,
): string {
  if (step === undefined) return condition(value)
  if (step !== elementStep && step !== valueStep)
    return anywhere(`struct_extract(${value}, ${quoteLiteral(step)})`, rest, condition, depth)
  const items = step === elementStep ? value : `map_values(${value})`
  const item = `item${depth}`
  return `len(list_filter(${items}, lambda ${item}: ${anywhere(item, rest, condition, depth + 1)})) > 0`
}

/** Below a parent that is missing nothing is asked. */
export function requiredCheck(column: string, path: FieldPath): RowCheck {
  const name = path.at(-1) ?? ''
  const isMissing = (parent: string): string =>
    `${parent} IS NOT NULL AND struct_extract(${parent}, ${quoteLiteral(name)}) IS NULL`
  return {
    sql: `(${path.length === 1 ? `(${column}) IS NULL` : anywhere(`(${column})`, path.slice(1, -1), isMissing)})`,
    reason: `the required field ${shownValue(pathText(path))} is missing`,
  }
}

/**
 * A row of profiles is somebody's: by its primary identity, or by what its map of identities holds.
 * @param sqlOf a column of the table, by name
 */
export function identityChecks(
  path: readonly string[] | undefined,
  columns: StructType,
  sqlOf: (name: string) => string,
): RowCheck[] {
  const [name = ''] = path ?? []
  // Another engine may have renamed it.
  if (!path || !columns.fields.some((field) => field.name === name)) return []
  const map = columns.fields.find((field) => field.name === 'identityMap' && field.type.kind === 'map')
  const isEmpty = (value: string): string => `coalesce(${value}, '') = ''`
  const others = map ? ` AND coalesce(cardinality(${sqlOf(map.name)}), 0) = 0` : ''
  return [
    {
      sql: `(${anywhere(sqlOf(name), path.slice(1), isEmpty)}${others})`,
      reason: `the primary identity ${shownValue(path.join('.'))} is missing`,
    },
  ]
}

/**
 * What a schema asks of values, looked at by the engine: it goes through a column at once, and matches patterns in time
 * linear in the text.
 * @param sqlOf a column of the table, by name
 */
export function constraintChecks(
  constraints: readonly Constraints[],
  columns: StructType,
  sqlOf: (name: string) => string,
): RowCheck[] {
  return constraints.flatMap(({ path, ...asked }) => {
    const [name = ''] = path
    // Another engine may have renamed it.
    if (!columns.fields.some((field) => field.name === name)) return []
    const field = `the field ${shownValue(pathText(path))}`
    return conditions(asked).map(([isRefused, what]) => ({
      sql: `(${anywhere(`(${sqlOf(name)})`, path.slice(1), isRefused)})`,
      reason: `${field} ${what}`,
    }))
  })
}

const asItIs = (value: string): string => value

type Condition = readonly [isRefused: (value: string) => string, what: string]

function conditions(asked: Omit<Constraints, 'path'>): Condition[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength } = asked
  const out: Condition[] = []
  const add = (limit: number | undefined, operator: string, what: string, size = asItIs): void => {
    if (limit !== undefined) out.push([(value) => `${size(value)} ${operator} ${limit}`, `${what} ${limit}`])
  }
  add(minimum, '<', 'is less than')
  add(maximum, '>', 'is more than')
  add(exclusiveMinimum, '<=', 'is not more than')
  add(exclusiveMaximum, '>=', 'is not less than')
  const length = (value: string): string => `length(${value})`
  add(minLength, '<', 'has fewer characters than', length)
  add(maxLength, '>', 'has more characters than', length)
  const matches = (pattern: string) => (value: string) =>
    `NOT regexp_matches(${value}, ${quoteLiteral(pattern)})`
  if (asked.pattern !== undefined) {
    const engine = enginePattern(asked.pattern)
    if ('pattern' in engine)
      out.push([matches(engine.pattern), `does not match the pattern ${shownValue(asked.pattern)}`])
  }
  if (asked.format) out.push([matches(formats[asked.format]), `is no ${asked.format}`])
  if (asked.enum) {
    const list = asked.enum.map((allowed) =>
      typeof allowed === 'string' ? quoteLiteral(allowed) : String(allowed),
    )
    out.push([
      (value) => `${value} NOT IN (${list.join(', ')})`,
      `is none of ${shortened(JSON.stringify(asked.enum), 200)}`,
    ])
  }
  return out
}

const byte = String.raw`(?:25[0-5]|2[0-4]\d|1?\d?\d)`
/** What certainly is none is refused; whether a mailbox or a host is there nobody asks. */
const formats: Readonly<Record<TextFormat, string>> = {
  email: String.raw`^[^@\s]+@[^@\s]+$`,
  uri: String.raw`^[A-Za-z][A-Za-z0-9+.-]*:\S+$`,
  ipv4: String.raw`^(?:${byte}\.){3}${byte}$`,
  ipv6: String.raw`^[0-9A-Fa-f:]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*$`,
}
