import { createHash } from 'node:crypto'
import { isJson, type Json, pointerStep } from './json.ts'

const depthMax = 12

/**
 * One object that a schema allows, in standard notation: the same for the same schema and version.
 * @param resolved in standard notation
 */
export function sampleOf(resolved: Json, seed: string): unknown {
  return valueOf(resolved, seed, '', 0)
}

function valueOf(node: Json, seed: string, path: string, depth: number): unknown {
  if (Array.isArray(node['enum']) && node['enum'].length > 0) {
    return node['enum'][numberOf(seed, path, node['enum'].length)] as unknown
  }
  const { properties, items, additionalProperties: values } = node
  switch (node['type']) {
    case 'object':
      if (depth > depthMax) return {}
      if (isJson(properties)) {
        return Object.fromEntries(
          Object.entries(properties).flatMap(([name, field]) =>
            isJson(field) ? [[name, valueOf(field, seed, `${path}/${pointerStep(name)}`, depth + 1)]] : [],
          ),
        )
      }
      return isJson(values) ? { key: valueOf(values, seed, `${path}/key`, depth + 1) } : {}
    case 'array':
      return isJson(items) && depth <= depthMax ? [valueOf(items, seed, `${path}/0`, depth + 1)] : []
    case 'boolean':
      return numberOf(seed, path, 2) === 1
    case 'integer':
      return boundedInteger(node, seed, path)
    case 'number':
      return numberOf(seed, path, 100_000) / 100
    default:
      return textOf(node, seed, path)
  }
}

function boundedInteger(node: Json, seed: string, path: string): number {
  const low = typeof node['minimum'] === 'number' ? Math.max(node['minimum'], -100) : 0
  const high = typeof node['maximum'] === 'number' ? Math.min(node['maximum'], low + 127) : low + 127
  return Math.ceil(low) + numberOf(seed, path, Math.max(Math.floor(high) - Math.ceil(low), 0) + 1)
}

function textOf(node: Json, seed: string, path: string): string {
  const number = numberOf(seed, path, 1_000_000)
  switch (node['format']) {
    case 'date-time':
      return new Date(1_767_225_600_000 + number * 1_000).toISOString()
    case 'date':
      return new Date(1_767_225_600_000 + (number % 365) * 86_400_000).toISOString().slice(0, 10)
    case 'uri':
    case 'uri-reference':
      return `https://example.com/${number}`
    case 'email':
      return `person${number}@example.com`
    case 'ipv4':
      return `192.0.2.${number % 256}`
    case 'ipv6':
      return `2001:db8::${(number % 65_536).toString(16)}`
    default:
      return `${path.slice(path.lastIndexOf('/') + 1).replace(/^.*:/, '')} ${number}`
  }
}

/** 0 … below `count`, decided by schema and place. */
function numberOf(seed: string, path: string, count: number): number {
  return createHash('sha256').update(`${seed}\n${path}`).digest().readUInt32BE() % count
}
