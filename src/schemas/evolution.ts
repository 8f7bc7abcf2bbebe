import { leavesOf, type Leaf } from './columns.ts'
import { refused, type Violation } from './errors.ts'
import { isJson, type Json } from './json.ts'

const violationsShown = 100

/**
 * What a change of a schema in use would break: rows are there, tables only gain columns. Fields may be added,
 * required or freed from it, described, deprecated; enumerations may grow.
 */
export function incompatibilities(before: Json, after: Json): Violation[] {
  const now = new Map(leavesOf(after).map((leaf) => [leaf.path, leaf]))
  return leavesOf(before).flatMap((old) => {
    const found = now.get(old.path)
    if (!found) return [{ path: old.path, message: 'the field is gone or moved' }]
    return leafViolations(old, found).map((message) => ({ path: old.path, message }))
  })
}

/** @throws AppError 'schema.evolution' listing every violation */
export function refuseIncompatible(before: Json, after: Json, title: string): void {
  const violations = incompatibilities(before, after)
  const [first] = violations
  if (!first) return
  throw refused(
    'schema.evolution',
    'XDM-1601-400',
    `The schema ${JSON.stringify(title)} is in use and must keep its fields: ${first.message}${violations.length > 1 ? ` (and ${violations.length - 1} more)` : ''}.`,
    {
      place: first.path,
      hint: 'Add a field beside it and deprecate the old one.',
      violations: violations.slice(0, violationsShown),
    },
  )
}

function leafViolations(before: Leaf, after: Leaf): string[] {
  if (before.containers !== after.containers) {
    return ['an array, a map and a single value are not each other']
  }
  const out: string[] = []
  const [old, now] = [before.field, after.field]
  for (const key of ['type', 'meta:xdmType', 'format'] as const) {
    if (JSON.stringify(old[key]) !== JSON.stringify(now[key])) {
      out.push(
        `${key} changes from ${JSON.stringify(old[key] ?? null)} to ${JSON.stringify(now[key] ?? null)}`,
      )
    }
  }
  for (const key of ['minimum', 'minLength'] as const) {
    if (isTighter(old[key], now[key], (a, b) => b > a)) out.push(`${key} becomes tighter`)
  }
  for (const key of ['maximum', 'maxLength'] as const) {
    if (isTighter(old[key], now[key], (a, b) => b < a)) out.push(`${key} becomes tighter`)
  }
  if (now['pattern'] !== undefined && now['pattern'] !== old['pattern']) out.push('pattern changes')
  const values = Array.isArray(now['enum']) ? new Set<unknown>(now['enum']) : undefined
  if (values && !Array.isArray(old['enum'])) out.push('enum is new')
  else if (values && (old['enum'] as unknown[]).some((value) => !values.has(value))) {
    out.push('enum loses a value')
  }
  return out
}

function isTighter(before: unknown, after: unknown, isNarrower: (a: number, b: number) => boolean): boolean {
  if (typeof after !== 'number') return false
  return typeof before !== 'number' || isNarrower(before, after)
}

/** Whether a resolved document has the field `identityMap`. */
export function hasIdentityMap(resolved: Json): boolean {
  return isJson(resolved['properties']) && isJson(resolved['properties']['identityMap'])
}
