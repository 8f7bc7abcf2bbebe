import { invalidAt } from './errors.ts'
import { isJson, type Json, pointerStep, texts } from './json.ts'
import { singleType, xdmTypeOf } from './xdm-type.ts'

export interface MergeOptions {
  /** JSON pointer of what is merged, for the refusal. */
  readonly at: string
  /** Where the two disagree, the first holds. */
  readonly isLenient: boolean
  /** Called for each pair looked at. */
  readonly step: () => void
}

/**
 * Two definitions of one field: objects and the items of arrays join, leaves must have one type. What the second says
 * beside the type (title, bounds) holds.
 * @throws AppError 'schema.invalid' with both types
 */
export function mergeNodes(first: Json, second: Json, options: MergeOptions): Json {
  if (first === second) return first
  options.step()
  const [left, right] = [shapeOf(first), shapeOf(second)]
  if (left !== undefined && right !== undefined && left !== right) {
    if (options.isLenient) return first
    throw invalidAt(
      options.at,
      `the field is defined as ${left} and as ${right}`,
      'Keep one of the two definitions, or rename one.',
    )
  }
  const out: Record<string, unknown> = { ...first, ...second }
  if (isJson(first['properties']) && isJson(second['properties'])) {
    out['properties'] = mergeProperties(first['properties'], second['properties'], options)
  }
  for (const key of ['items', 'additionalProperties']) {
    const [a, b] = [first[key], second[key]]
    if (isJson(a) && isJson(b)) out[key] = mergeNodes(a, b, { ...options, at: `${options.at}/${key}` })
  }
  const required = [...texts(first['required']), ...texts(second['required'])]
  if (required.length > 0) out['required'] = [...new Set(required)]
  return out
}

function mergeProperties(first: Json, second: Json, options: MergeOptions): Json {
  const out: Record<string, unknown> = { ...first }
  for (const [name, field] of Object.entries(second)) {
    const before = Object.hasOwn(first, name) ? first[name] : undefined
    const at = `${options.at}/properties/${pointerStep(name)}`
    out[name] = isJson(before) && isJson(field) ? mergeNodes(before, field, { ...options, at }) : field
  }
  return out
}

/** What two definitions of a field must agree on; undefined: it says nothing of its type. */
function shapeOf(node: Json): string | undefined {
  const type = singleType(node['type'])
  if (type === undefined) {
    if (isJson(node['properties'])) return 'object'
    return isJson(node['items']) ? 'array' : undefined
  }
  if (type === 'object') return isJson(node['properties']) ? 'object' : undefined
  if (type === 'array') return 'array'
  const named = node['meta:xdmType']
  return typeof named === 'string' ? named : xdmTypeOf(node)
}
