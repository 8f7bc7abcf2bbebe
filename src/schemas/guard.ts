import { enginePattern } from '#types/engine-pattern.ts'
import { fieldNameLengthMax } from '#types/xdm.ts'
import { invalidAt, refused } from './errors.ts'
import { isJson, type Json, pointerStep } from './json.ts'
import type { TenantKind } from './resource.ts'

const documentBytesMax = 5 * 1024 * 1024
/** Of the JSON itself: each level of fields takes two. */
const jsonDepthMax = 128
const patternLengthMax = 1_000

/** Names the public model gives below a leading underscore. */
const standardNames = new Set([
  '_id',
  '_type',
  '_context',
  '_experience',
  '_schema',
  '_repo',
  '_dc',
  '_xmpDM',
  '_iptc4xmpExt',
  '_id3',
  '_xdm',
  '_adobecloudplatform',
  '_workfront',
  '_searchads',
  '_dsp',
  '_adcloud',
])

/** What an object is: a schema, whose keys are keywords, or the fields or definitions of one, whose keys are names. */
type Role = 'schema' | 'names' | 'value'

/**
 * Looks at a document before anything follows it: size, depth, names of fields, patterns. Without recursion, so that no
 * document can exhaust the stack. The names of a schema's own columns are as free as SQL's; those of what others
 * compose are not.
 * @param tenant without underscore
 * @throws AppError 'schema.invalid' naming the place
 */
export function guardDocument(kind: TenantKind, document: Json, tenant: string): void {
  guardDepth(document)
  const bytes = Buffer.byteLength(JSON.stringify(document))
  if (bytes > documentBytesMax) {
    throw refused('schema.limit', 'XDM-1603-400', `A resource has at most ${documentBytesMax} bytes.`, {
      hint: 'Split it.',
    })
  }
  const todo: { readonly value: unknown; readonly at: string; readonly role: Role }[] = [
    { value: document, at: '#', role: 'schema' },
  ]
  for (let next = todo.pop(); next; next = todo.pop()) {
    const { value, at, role } = next
    if (Array.isArray(value)) {
      for (const [index, inner] of value.entries()) {
        todo.push({ value: inner, at: `${at}/${index}`, role })
      }
    } else if (isJson(value)) {
      if (role === 'schema' && isJson(value['properties']) && kind !== 'schemas') {
        checkNames(value['properties'], `${at}/properties`, tenant)
      }
      if (role === 'schema' && value['pattern'] !== undefined) checkPattern(value['pattern'], `${at}/pattern`)
      for (const [key, inner] of Object.entries(value)) {
        const place = `${at}/${pointerStep(key)}`
        todo.push({ value: inner, at: place, role: roleOf(role, key) })
      }
    }
  }
}

/**
 * Refuses JSON so deep that a recursion over it could exhaust the stack.
 * @throws AppError 'schema.invalid'
 */
export function guardDepth(json: unknown): void {
  const todo: { readonly value: unknown; readonly depth: number }[] = [{ value: json, depth: 0 }]
  for (let next = todo.pop(); next; next = todo.pop()) {
    const { value, depth } = next
    if (typeof value !== 'object' || value === null) continue
    if (depth > jsonDepthMax) throw invalidAt('#', `objects nest at most ${jsonDepthMax} deep`, 'Flatten it.')
    for (const inner of Object.values(value)) todo.push({ value: inner, depth: depth + 1 })
  }
}

function roleOf(parent: Role, key: string): Role {
  if (parent === 'names') return 'schema'
  if (parent === 'value') return 'value'
  if (key === 'properties' || key === 'definitions') return 'names'
  return key === 'items' || key === 'additionalProperties' || key === 'allOf' ? 'schema' : 'value'
}

function checkNames(properties: Json, at: string, tenant: string): void {
  const seen = new Map<string, string>()
  for (const [name, field] of Object.entries(properties)) {
    const place = `${at}/${pointerStep(name)}`
    const isStandard = isJson(field) && field['meta:xdmField'] !== undefined
    if (!/^[A-Za-z0-9_-]+$/.test(name) || name.length > fieldNameLengthMax) {
      throw invalidAt(
        place,
        `${JSON.stringify(name.slice(0, 80))} cannot be the name of a field`,
        `Use 1 to ${fieldNameLengthMax} letters, digits, "_" and "-".`,
      )
    }
    if (!isStandard && (name === 'items' || name === 'properties')) {
      throw invalidAt(place, `the name ${JSON.stringify(name)} is taken by JSON Schema`, 'Choose another.')
    }
    if (name.startsWith('_') && !isStandard && !isReservedName(name, tenant)) {
      throw refused('schema.invalid', 'XDM-1021-400', 'a name beginning with "_" is reserved.', {
        place,
        hint: `Put your fields below "_${tenant}", without a leading underscore.`,
      })
    }
    const twin = seen.get(name.toLowerCase())
    if (twin !== undefined && !isStandard) {
      throw invalidAt(
        place,
        `the field differs only by case from ${JSON.stringify(twin)}`,
        'Rename one of them.',
      )
    }
    seen.set(name.toLowerCase(), name)
  }
}

function isReservedName(name: string, tenant: string): boolean {
  return (
    name === `_${tenant}` || name === '_adhoc' || /^_[0-9a-f]{32,48}$/.test(name) || standardNames.has(name)
  )
}

/**
 * Patterns are matched by the engine, in time linear in the text: what only a backtracking matcher can do is refused.
 * They are compiled here, never run.
 */
function checkPattern(pattern: unknown, at: string): void {
  if (typeof pattern !== 'string' || pattern.length > patternLengthMax) {
    throw invalidAt(at, `a regular expression of at most ${patternLengthMax} characters was expected`)
  }
  const engine = enginePattern(pattern)
  if ('problem' in engine) {
    throw invalidAt(at, engine.problem, 'Write it without: patterns must be matched in linear time.')
  }
  try {
    RegExp(pattern, 'u')
  } catch (error) {
    throw invalidAt(at, `not a regular expression: ${error instanceof Error ? error.message : 'unreadable'}`)
  }
}
