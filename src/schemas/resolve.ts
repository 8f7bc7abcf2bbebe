import { invalidAt } from './errors.ts'
import { isJson, type Json, pointerStep, texts } from './json.ts'
import { mergeNodes } from './merge.ts'
import { xdmTypeOf } from './xdm-type.ts'

/** The resources a document may refer to, by `$id`. */
export interface Lookup {
  readonly document: (id: string) => Json | undefined
  /** Of what never changes, resolved before. */
  readonly resolved?: (id: string) => Json | undefined
}

export interface ResolveOptions {
  /** Where two definitions of a field disagree, the first holds. Without it they are refused. */
  readonly isLenient?: boolean
}

const depthMax = 64
/** Objects looked at for one document: bounds what references can multiply. */
const stepsMax = 100_000

interface Walk {
  readonly lookup: Lookup
  readonly isLenient: boolean
  /** References being followed: one that comes back to itself has no end. */
  readonly open: Set<string>
  readonly memo: Map<string, Json>
  steps: number
}

interface Place {
  /** What `#/…` refers into, and its id. */
  readonly root: Json
  readonly rootId: string
  readonly at: string
  readonly depth: number
}

/** Said of a whole resource, not of the fields that refer to it. */
const resourceKeys = new Set([
  '$id',
  '$schema',
  'version',
  'imsOrg',
  'description',
  'definitions',
  'meta:altId',
  'meta:resourceType',
  'meta:extensible',
  'meta:abstract',
  'meta:extends',
  'meta:class',
  'meta:intendedToExtend',
  'meta:containerId',
  'meta:sandboxId',
  'meta:sandboxType',
  'meta:tenantNamespace',
  'meta:registryMetadata',
  'meta:immutableTags',
  'meta:datasetNamespace',
  'meta:xdmField',
])

/**
 * A document as one tree of `properties`: `allOf` and `$ref` are gone, `required` is merged, `type` and `meta:xdmType`
 * are everywhere. Its own keys stay. The result shares parts; nobody may change it.
 * @throws AppError 'schema.invalid' naming the place as a JSON pointer; 'schema.unknown' for an unknown reference.
 */
export function resolveDocument(document: Json, lookup: Lookup, options: ResolveOptions = {}): Json {
  const walk: Walk = {
    lookup,
    isLenient: options.isLenient ?? false,
    open: new Set(),
    memo: new Map(),
    steps: 0,
  }
  const resolved = nodeOf(document, { root: document, rootId: '', at: '#', depth: 0 }, walk)
  const { definitions: _, ...rest } = resolved
  return rest
}

function nodeOf(schema: Json, place: Place, walk: Walk): Json {
  walk.steps += 1
  const { at } = place
  if (place.depth > depthMax) {
    throw invalidAt(at, `fields nest at most ${depthMax} deep`, 'Flatten them.')
  }
  if (walk.steps > stepsMax) {
    throw invalidAt(at, `references make this larger than ${stepsMax} objects`, 'Split it, or use a map.')
  }
  let node: Json | undefined
  if (schema['$ref'] !== undefined) node = referenced(schema['$ref'], place, walk)
  for (const [index, part] of parts(schema['allOf'], at).entries()) {
    const inner = nodeOf(part, below(place, `allOf/${index}`), walk)
    node = merged(node, withoutResourceKeys(inner), place, walk)
  }
  const own = merged(node, ownOf(schema, place, walk), place, walk)
  return { ...own, ...typed(own) }
}

/** What the object says itself, its inner objects resolved. */
function ownOf(schema: Json, place: Place, walk: Walk): Json {
  const out: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(schema)) {
    if (key === '$ref' || key === 'allOf') continue
    if (key === 'properties') out[key] = propertiesOf(value, place, walk)
    else if ((key === 'items' || key === 'additionalProperties') && isJson(value)) {
      out[key] = nodeOf(value, below(place, key), walk)
    } else out[key] = value
  }
  return out
}

function propertiesOf(properties: unknown, place: Place, walk: Walk): Json {
  const at = `${place.at}/properties`
  if (!isJson(properties)) throw invalidAt(at, 'an object of fields was expected')
  return Object.fromEntries(
    Object.entries(properties).map(([name, field]) => {
      const inner = below(place, `properties/${pointerStep(name)}`)
      if (!isJson(field)) throw invalidAt(inner.at, 'an object was expected', 'Say what the field holds.')
      return [name, nodeOf(field, inner, walk)]
    }),
  )
}

function referenced(reference: unknown, place: Place, walk: Walk): Json {
  const at = `${place.at}/$ref`
  if (typeof reference !== 'string' || reference === '#')
    throw invalidAt(at, 'the id of a resource was expected')
  const hash = reference.indexOf('#')
  const id = hash < 0 ? reference : reference.slice(0, hash)
  const fragment = hash < 0 ? '' : reference.slice(hash + 1)
  const rootId = id === '' ? place.rootId : id
  const key = `${rootId}#${fragment}`
  const known = walk.memo.get(key)
  if (known) return known
  if (walk.open.has(key)) {
    // Of what is shipped, a field that contains itself ends there: it holds any object.
    if (walk.isLenient) return { type: 'object' }
    throw invalidAt(at, `${JSON.stringify(reference.slice(0, 200))} contains itself`, 'Break the circle.')
  }
  const ready = id !== '' && fragment === '' ? walk.lookup.resolved?.(id) : undefined
  if (ready) {
    const node = withoutResourceKeys(ready)
    walk.memo.set(key, node)
    return node
  }
  const root = id === '' ? place.root : walk.lookup.document(id)
  if (!root) {
    throw invalidAt(
      at,
      `there is no resource ${JSON.stringify(id.slice(0, 200))} in this sandbox`,
      'Refer to a resource by its $id, or to "#/definitions/…".',
    )
  }
  const target = fragment === '' ? root : atPointer(root, fragment)
  if (!target) throw invalidAt(at, `nothing is defined at ${JSON.stringify(reference.slice(0, 200))}`)
  walk.open.add(key)
  const inner = { root, rootId, at: id === '' ? `#${fragment}` : at, depth: place.depth + 1 }
  const node = withoutResourceKeys(nodeOf(target, inner, walk))
  walk.open.delete(key)
  walk.memo.set(key, node)
  return node
}

function atPointer(root: Json, fragment: string): Json | undefined {
  let target: unknown = root
  for (const step of fragment.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    target = isJson(target) && Object.hasOwn(target, name) ? target[name] : undefined
  }
  return isJson(target) ? target : undefined
}

function merged(first: Json | undefined, second: Json, place: Place, walk: Walk): Json {
  if (!first) return second
  return mergeNodes(first, second, {
    at: place.at,
    isLenient: walk.isLenient,
    step: () => {
      walk.steps += 1
      if (walk.steps > stepsMax) {
        throw invalidAt(place.at, `references make this larger than ${stepsMax} objects`, 'Split it.')
      }
    },
  })
}

function typed(node: Json): Json {
  const type = node['type'] ?? (isJson(node['items']) ? 'array' : undefined) ?? typeOfShape(node)
  const withType = { ...node, type }
  return { type, 'meta:xdmType': node['meta:xdmType'] ?? xdmTypeOf(withType) }
}

function typeOfShape(node: Json): string {
  if (isJson(node['properties']) || isJson(node['additionalProperties'])) return 'object'
  switch (node['meta:xdmType']) {
    case 'object':
    case 'map':
      return 'object'
    case 'array':
      return 'array'
    case 'boolean':
      return 'boolean'
    case 'number':
    case 'double':
      return 'number'
    case 'byte':
    case 'short':
    case 'int':
    case 'integer':
    case 'long':
      return 'integer'
    default:
      return texts(node['required']).length > 0 ? 'object' : 'string'
  }
}

function withoutResourceKeys(node: Json): Json {
  return Object.fromEntries(Object.entries(node).filter(([key]) => !resourceKeys.has(key)))
}

function parts(allOf: unknown, at: string): readonly Json[] {
  if (allOf === undefined) return []
  if (!Array.isArray(allOf)) throw invalidAt(`${at}/allOf`, 'an array was expected')
  for (const [index, part] of allOf.entries()) {
    if (!isJson(part)) throw invalidAt(`${at}/allOf/${index}`, 'an object was expected')
  }
  return allOf as readonly Json[]
}

function below(place: Place, step: string): Place {
  return { ...place, at: `${place.at}/${step}`, depth: place.depth + 1 }
}
