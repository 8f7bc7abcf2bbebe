import { shortened, shownValue } from '#base/shown-text.ts'
import { quoteLiteral } from '#base/sql-text.ts'
import type { Constraints, TextFormat } from '#types/constraints.ts'
import type { StructType } from '#types/data-type.ts'
import { enginePattern } from '#types/engine-pattern.ts'

/** What a row must not be: a condition over it in the engine's words, true for rows that are refused. */
export interface RowCheck {
  readonly sql: string
  /** Of the row, as what stands behind it: `the field "n" is less than 1`. */
  readonly reason: string
}

/** A field inside of columns; NULL below a parent that is missing. */
function fieldSql(column: string, path: readonly string[]): string {
  return path.slice(1).reduce((sql, name) => `struct_extract(${sql}, ${quoteLiteral(name)})`, `(${column})`)
}

/** Below a parent that is missing nothing is asked. */
export function requiredCheck(column: string, path: readonly string[]): RowCheck {
  const parent = path.length > 1 ? `${fieldSql(column, path.slice(0, -1))} IS NOT NULL AND ` : ''
  return {
    sql: `(${parent}${fieldSql(column, path)} IS NULL)`,
    reason: `the required field ${shownValue(path.join('.'))} is missing`,
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
  const others = map ? ` AND coalesce(cardinality(${sqlOf(map.name)}), 0) = 0` : ''
  return [
    {
      sql: `(coalesce(${fieldSql(sqlOf(name), path)}, '') = ''${others})`,
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
    const value = fieldSql(sqlOf(name), path)
    const field = `the field ${shownValue(path.join('.'))}`
    return conditions(value, asked).map(([sql, what]) => ({ sql: `(${sql})`, reason: `${field} ${what}` }))
  })
}

function conditions(value: string, asked: Omit<Constraints, 'path'>): [sql: string, what: string][] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength } = asked
  const out: [string, string][] = []
  const add = (limit: number | undefined, sql: string, what: string): void => {
    if (limit !== undefined) out.push([`${sql} ${limit}`, `${what} ${limit}`])
  }
  add(minimum, `${value} <`, 'is less than')
  add(maximum, `${value} >`, 'is more than')
  add(exclusiveMinimum, `${value} <=`, 'is not more than')
  add(exclusiveMaximum, `${value} >=`, 'is not less than')
  add(minLength, `length(${value}) <`, 'has fewer characters than')
  add(maxLength, `length(${value}) >`, 'has more characters than')
  if (asked.pattern !== undefined) {
    const engine = enginePattern(asked.pattern)
    if ('pattern' in engine) {
      out.push([
        `NOT regexp_matches(${value}, ${quoteLiteral(engine.pattern)})`,
        `does not match the pattern ${shownValue(asked.pattern)}`,
      ])
    }
  }
  if (asked.format) {
    out.push([
      `NOT regexp_matches(${value}, ${quoteLiteral(formats[asked.format])})`,
      `is no ${asked.format}`,
    ])
  }
  if (asked.enum) {
    const list = asked.enum.map((allowed) =>
      typeof allowed === 'string' ? quoteLiteral(allowed) : String(allowed),
    )
    out.push([
      `${value} NOT IN (${list.join(', ')})`,
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
