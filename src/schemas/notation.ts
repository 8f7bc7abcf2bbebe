import { isJson, type Json } from './json.ts'

/**
 * XDM has two notations. Everything stored, queried and exported uses compatibility mode; `meta:xdmField` keeps the
 * standard name: `xdm:x` → `x`, `@id` → `_id`, `repo:createDate` → `_repo.createDate`,
 * `https://ns.adobe.com/experience/a/b` → `_experience.a.b`.
 */
export function compatiblePath(name: string): readonly string[] {
  if (name.startsWith('@')) return [`_${name.slice(1)}`]
  const address = /^https?:\/\/ns\.adobe\.com\/(.+)$/.exec(name)?.[1]
  if (address !== undefined) return nested(address.split('/'))
  const colon = name.indexOf(':')
  if (colon < 0) return [name]
  const [prefix, local] = [name.slice(0, colon), name.slice(colon + 1)]
  return prefix === 'xdm' ? [local] : nested([prefix, local])
}

function nested([first = '', ...rest]: readonly string[]): readonly string[] {
  return [`_${first}`, ...rest]
}

/** A resource or any part of one in standard notation, as compatibility mode. */
export function toCompatible(schema: Json): Json {
  const out: Record<string, unknown> = {}
  const required: string[] = []
  for (const [key, value] of Object.entries(schema)) {
    switch (key) {
      case 'properties':
        out[key] = compatibleProperties(value as Json, required)
        break
      case 'definitions':
        out[key] = mapValues(value as Json, toCompatible)
        break
      case 'items':
      case 'additionalProperties':
        out[key] = toCompatible(value as Json)
        break
      case 'allOf':
        out[key] = (value as readonly Json[]).map(toCompatible)
        break
      case 'meta:enum':
        out[key] = Object.fromEntries((value as readonly string[]).map((name) => [name, name]))
        break
      case 'required':
        required.push(...(value as readonly string[]))
        break
      default:
        out[key] = value
    }
  }
  if (required.length > 0) out['required'] = [...new Set(required.map((name) => compatiblePath(name)[0]))]
  return out
}

function compatibleProperties(properties: Json, required: readonly string[]): Json {
  const out: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(properties)) {
    const path = compatiblePath(name)
    let place = out
    for (const step of path.slice(0, -1)) place = childProperties(place, step)
    place[path.at(-1)!] = { ...toCompatible(field as Json), 'meta:xdmField': name }
  }
  // `repo:createDate` required: within `_repo` too.
  for (const name of required) {
    const path = compatiblePath(name)
    const parent = path.length === 2 ? out[path[0]!] : undefined
    if (isJson(parent)) (parent as Record<string, unknown>)['required'] = [path[1]]
  }
  return out
}

function childProperties(place: Record<string, unknown>, step: string): Record<string, unknown> {
  const there = place[step]
  if (isJson(there)) {
    if (isJson(there['properties'])) return there['properties']
    throw new Error(`Broken invariant: ${step} is a field and holds fields.`)
  }
  const properties: Record<string, unknown> = {}
  place[step] = { type: 'object', properties }
  return properties
}

/** Back to the standard names; fields without one (a tenant's) stay as they are. */
export function toStandard(schema: Json): Json {
  const out: Record<string, unknown> = {}
  const renamed = new Map<string, string>()
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'properties' && isJson(value)) {
      out[key] = Object.fromEntries(
        Object.entries(value).flatMap(([name, field]) => {
          const fields = standardFields(name, field)
          if (fields[0] && fields.length === 1) renamed.set(name, fields[0][0])
          return fields
        }),
      )
    } else if (key === 'definitions' && isJson(value)) out[key] = mapValues(value, toStandard)
    else if ((key === 'items' || key === 'additionalProperties') && isJson(value))
      out[key] = toStandard(value)
    else if (key === 'allOf' && Array.isArray(value)) {
      out[key] = value.map((part) => (isJson(part) ? toStandard(part) : part))
    } else out[key] = value
  }
  if (Array.isArray(out['required'])) {
    out['required'] = out['required'].map((name: string) => renamed.get(name) ?? name)
  }
  return out
}

/** An object made only for the steps of a standard name dissolves: its fields stand where the name does. */
function standardFields(
  name: string,
  field: unknown,
  above: readonly string[] = [],
): (readonly [string, unknown])[] {
  if (!isJson(field)) return [[name, field]]
  const standard = field['meta:xdmField']
  if (typeof standard === 'string') {
    const { 'meta:xdmField': _, ...rest } = toStandard(field)
    return [[standard, rest]]
  }
  const { properties } = field
  if (isJson(properties) && (name.startsWith('_') || above.length > 0)) {
    const path = [...above, name]
    const children = Object.entries(properties).flatMap(([child, inner]) =>
      standardFields(child, inner, path),
    )
    if (children.length > 0 && children.every(([child]) => isBelow(compatiblePath(child), path)))
      return children
  }
  return [[name, toStandard(field)]]
}

function isBelow(path: readonly string[], above: readonly string[]): boolean {
  return path.length > above.length && above.every((step, index) => path[index] === step)
}

function mapValues(object: Json, change: (value: Json) => Json): Json {
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [key, isJson(value) ? change(value) : value]),
  )
}
