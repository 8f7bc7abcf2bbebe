import { isJson, type Json } from './json.ts'

/** The XDM type of a resolved field that does not name one: of integers the smallest that holds the bounds. */
export function xdmTypeOf(node: Json): string {
  switch (singleType(node['type'])) {
    case 'object':
      return isJson(node['additionalProperties']) && !isJson(node['properties']) ? 'map' : 'object'
    case 'array':
      return 'array'
    case 'boolean':
      return 'boolean'
    case 'number':
      return 'number'
    case 'integer':
      return integerTypeOf(node)
    default:
      return node['format'] === 'date' || node['format'] === 'date-time' ? node['format'] : 'string'
  }
}

/** `null` beside a type says nothing: every field may be absent. */
export function singleType(type: unknown): unknown {
  if (!Array.isArray(type)) return type
  const named = type.filter((name) => name !== 'null')
  return named.length === 1 ? named[0] : type
}

function integerTypeOf(node: Json): string {
  const { minimum, maximum } = node
  const largest = Math.max(Math.abs(Number(minimum ?? 0)), Math.abs(Number(maximum ?? 0)))
  if (largest > 2_147_483_648) return 'long'
  if (minimum === undefined || maximum === undefined || largest > 32_768) return 'int'
  return largest > 128 ? 'short' : 'byte'
}
