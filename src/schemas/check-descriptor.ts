import type { Caller } from '#access/access.ts'
import type { Db } from '#metadata/metadata.ts'
import { descriptorTypes, type DescriptorType } from './descriptors.ts'
import { invalidAt } from './errors.ts'
import { guardDepth } from './guard.ts'
import { isJson, type Json, texts } from './json.ts'
import { findNamespace } from './namespaces.ts'
import { findAny, resolveResource } from './read.ts'
import type { Registry } from './registry.ts'

export interface CheckedDescriptor {
  readonly type: DescriptorType
  readonly sourceSchema: string
  /** `/a/b`; several joined by a comma. */
  readonly sourceProperty: string
  readonly document: Json
}

const bytesMax = 64 * 1024
const ownedKeys = [
  '@id',
  'version',
  'imsOrg',
  'meta:containerId',
  'meta:sandboxId',
  'meta:sandboxType',
  'meta:registryMetadata',
]
const cardinalities = ['1:1', '1:0', 'M:1', 'M:0']
const granularities = ['hour', 'day', 'week', 'month', 'quarter', 'year']
const needsProperty: readonly DescriptorType[] = [
  'xdm:descriptorIdentity',
  'xdm:descriptorOneToOne',
  'xdm:descriptorRelationship',
  'xdm:descriptorReferenceIdentity',
  'xdm:descriptorPrimaryKey',
  'xdm:descriptorVersion',
  'xdm:descriptorTimestamp',
  'xdm:descriptorDeprecated',
]
/** These may be said of an object too. */
const ofAnyField: readonly DescriptorType[] = [
  'xdm:alternateDisplayInfo',
  'xdm:descriptorDeprecated',
  'xdm:descriptorLabel',
]

interface Found {
  readonly field: Json
  readonly isInContainer: boolean
}

/** @throws AppError 'schema.invalid' naming the field of the descriptor that is wrong */
export async function checkDescriptor(
  registry: Registry,
  db: Db,
  caller: Caller,
  body: unknown,
): Promise<CheckedDescriptor> {
  if (!isJson(body)) throw invalidAt('#', 'a JSON object was expected')
  guardDepth(body)
  if (Buffer.byteLength(JSON.stringify(body)) > bytesMax) throw invalidAt('#', `at most ${bytesMax} bytes`)
  const type = descriptorTypes.find((candidate) => candidate === body['@type'])
  if (!type) throw invalidAt('@type', `one of ${descriptorTypes.join(', ')} was expected`)
  const source = await resource(registry, db, caller, { body, key: 'xdm:sourceSchema' })
  const version = body['xdm:sourceVersion']
  if (version !== undefined && version !== 1 && version !== '1') {
    throw invalidAt('xdm:sourceVersion', 'the version 1 was expected')
  }
  const paths = propertiesOf(body, type)
  const fields = paths.map((path) => {
    const found = fieldAt(source.resolved, path)
    if (!found) {
      throw invalidAt(
        'xdm:sourceProperty',
        `the schema has no field ${JSON.stringify(path)}`,
        'Write its path as /a/b.',
      )
    }
    const isLeaf = !(isJson(found.field['properties']) && found.field['type'] === 'object')
    if (!isLeaf && !ofAnyField.includes(type)) {
      throw invalidAt('xdm:sourceProperty', `${JSON.stringify(path)} is an object`, 'Name one of its fields.')
    }
    return found
  })
  const extra = await checkType({ registry, db, caller, body, type, paths, fields })
  const sourceProperty = paths.join(',')
  const kept = Object.fromEntries(Object.entries(body).filter(([key]) => !ownedKeys.includes(key)))
  return {
    type,
    sourceSchema: source.id,
    sourceProperty,
    document: {
      ...kept,
      'xdm:sourceSchema': source.id,
      'xdm:sourceVersion': 1,
      ...(paths.length === 0
        ? {}
        : { 'xdm:sourceProperty': Array.isArray(body['xdm:sourceProperty']) ? paths : sourceProperty }),
      ...extra,
    },
  }
}

interface Given {
  readonly registry: Registry
  readonly db: Db
  readonly caller: Caller
  readonly body: Json
  readonly type: DescriptorType
  readonly paths: readonly string[]
  readonly fields: readonly Found[]
}

/** What each type asks for beyond the common; returns what is filled in. */
async function checkType(given: Given): Promise<Json> {
  const { registry, db, caller, body, type, paths, fields } = given
  const [field] = fields
  switch (type) {
    case 'xdm:descriptorIdentity': {
      if (field?.field['type'] !== 'string') throw invalidAt('xdm:sourceProperty', 'an identity is a string')
      if (paths[0] === '/_id') throw invalidAt('xdm:sourceProperty', '"_id" names the row, never a person')
      if (field.isInContainer) {
        throw invalidAt('xdm:sourceProperty', 'an identity cannot lie inside an array or a map')
      }
      optionalBoolean(body, 'xdm:isPrimary')
      return await namespaceOf(given, 'xdm:namespace')
    }
    case 'xdm:descriptorReferenceIdentity':
      return await namespaceOf(given, 'xdm:identityNamespace')
    case 'xdm:descriptorOneToOne':
    case 'xdm:descriptorRelationship': {
      const destination = await resource(registry, db, caller, { body, key: 'xdm:destinationSchema' })
      const property = body['xdm:destinationProperty']
      if (
        property !== undefined &&
        !fieldAt(destination.resolved, pathOf(property, 'xdm:destinationProperty'))
      ) {
        throw invalidAt('xdm:destinationProperty', `the schema has no field ${JSON.stringify(property)}`)
      }
      oneOf(body, 'xdm:cardinality', cardinalities)
      return { 'xdm:destinationSchema': destination.id, 'xdm:destinationVersion': 1 }
    }
    case 'xdm:descriptorTimestamp':
      if (field?.field['format'] !== 'date-time')
        throw invalidAt('xdm:sourceProperty', 'a date-time was expected')
      return {}
    case 'xdm:descriptorTimeSeriesGranularity':
      if (body['xdm:granularity'] === undefined)
        throw invalidAt('xdm:granularity', 'a granularity was expected')
      oneOf(body, 'xdm:granularity', granularities)
      return {}
    case 'xdm:descriptorLabel': {
      const labels = texts(body['xdm:labels']).length > 0 ? body['xdm:labels'] : body['xdm:label']
      if (!Array.isArray(labels) || !labels.every((label) => typeof label === 'string' && label !== '')) {
        throw invalidAt('xdm:labels', 'an array of labels was expected, for example ["core/C2"]')
      }
      return { 'xdm:labels': labels }
    }
    case 'xdm:alternateDisplayInfo':
      for (const key of ['xdm:title', 'xdm:description']) {
        if (body[key] !== undefined && !isJson(body[key])) {
          throw invalidAt(key, 'an object by language was expected, for example {"en_us":"…"}')
        }
      }
      return {}
    case 'xdm:descriptorPrimaryKey':
    case 'xdm:descriptorVersion':
    case 'xdm:descriptorDeprecated':
      return {}
  }
}

async function namespaceOf({ db, caller, body }: Given, key: string): Promise<Json> {
  const given = body[key]
  if (typeof given !== 'string' && typeof given !== 'number') {
    throw invalidAt(key, 'the code or id of an identity namespace was expected, for example "ECID"')
  }
  const isId =
    body['xdm:property'] === 'xdm:id' || (body['xdm:property'] === undefined && /^\d+$/.test(String(given)))
  const namespace = await findNamespace(db, caller, isId ? { id: Number(given) } : { code: String(given) })
  if (!namespace) {
    throw invalidAt(
      key,
      `there is no identity namespace ${JSON.stringify(given)}`,
      'Make it first, or list them.',
    )
  }
  oneOf(body, 'xdm:property', ['xdm:code', 'xdm:id'])
  return { [key]: isId ? namespace.id : namespace.code, 'xdm:property': isId ? 'xdm:id' : 'xdm:code' }
}

async function resource(
  registry: Registry,
  db: Db,
  caller: Caller,
  { body, key }: { readonly body: Json; readonly key: string },
): Promise<{ readonly id: string; readonly resolved: Json }> {
  const id = body[key]
  if (typeof id !== 'string') throw invalidAt(key, 'the $id of a schema was expected')
  const found = await findAny(db, caller, id)
  if (!found) throw invalidAt(key, `there is no schema ${JSON.stringify(id.slice(0, 200))} in this sandbox`)
  return { id: found.id, resolved: await resolveResource(registry, db, caller, found) }
}

function propertiesOf(body: Json, type: DescriptorType): string[] {
  const given = body['xdm:sourceProperty']
  if (given === undefined) {
    if (!needsProperty.includes(type)) return []
    throw invalidAt('xdm:sourceProperty', 'the path of a field was expected, like /a/b')
  }
  if (Array.isArray(given)) {
    if (given.length === 0 || given.length > 20)
      throw invalidAt('xdm:sourceProperty', '1 to 20 paths were expected')
    return given.map((path) => pathOf(path, 'xdm:sourceProperty'))
  }
  return [pathOf(given, 'xdm:sourceProperty')]
}

/** `/a/b`, in compatibility mode: prefixes `xdm:` and `@` are taken as their compatible names. */
function pathOf(path: unknown, key: string): string {
  if (typeof path !== 'string' || !/^\/[^/]/.test(path) || path.endsWith('/') || path.length > 2_000) {
    throw invalidAt(key, 'the path of a field was expected, beginning with "/" and not ending with it')
  }
  return path.replaceAll('/xdm:', '/').replaceAll('/@', '/_')
}

function fieldAt(resolved: Json, path: string): Found | undefined {
  let field: Json = resolved
  let isInContainer = false
  for (const step of path.slice(1).split('/')) {
    const name = step
      .replaceAll('~1', '/')
      .replaceAll('~0', '~')
      .replace(/(?:\[\*?\]|\{\})$/, '')
    while (!isJson(field['properties'])) {
      const inner: unknown = field['items'] ?? field['additionalProperties']
      if (!isJson(inner)) return undefined
      isInContainer = true
      field = inner
    }
    const next = Object.hasOwn(field['properties'], name) ? field['properties'][name] : undefined
    if (!isJson(next)) return undefined
    field = next
  }
  return { field, isInContainer }
}

function optionalBoolean(body: Json, key: string): void {
  if (body[key] === undefined || typeof body[key] === 'boolean') return
  throw invalidAt(key, 'true or false was expected')
}

function oneOf(body: Json, key: string, allowed: readonly string[]): void {
  const value = body[key]
  if (value === undefined || (typeof value === 'string' && allowed.includes(value))) return
  throw invalidAt(key, `one of ${allowed.join(', ')} was expected`)
}
