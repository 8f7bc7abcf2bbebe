import { AppError } from '#base/errors.ts'
import { type Constraints, constraintsOf, elementStep, type FieldPath, valueStep } from './constraints.ts'
import {
  arrayType,
  booleanType,
  byteType,
  type DataType,
  dateType,
  doubleType,
  type Field,
  integerType,
  longType,
  mapType,
  shortType,
  stringType,
  type StructType,
  structType,
  timestampType,
} from './data-type.ts'
import { hintedType } from './xdm-hint.ts'

export const schemaDepthMax = 24
export const schemaLeavesMax = 10_000
export const fieldNameLengthMax = 128
const stepsMax = 10 * schemaLeavesMax

/** A schema as rows are checked against it. */
export interface XdmColumns {
  readonly columns: StructType
  readonly required: readonly FieldPath[]
  readonly constraints: readonly Constraints[]
}

/** The properties of resources a schema may refer to; undefined when there is none of that id. */
export type ResolveReference = (id: string) => unknown

interface Walk {
  readonly document: Record<string, unknown>
  readonly resolve: ResolveReference
  readonly constraints: Constraints[]
  readonly required: FieldPath[]
  leafCount: number
  /** Objects visited so far: bounds what references can multiply. */
  stepCount: number
}

/** Where the walk is. */
interface Place {
  /** In the document, as a JSON pointer. */
  readonly at: string
  readonly depth: number
  /** Of the column that it is, or is part of. */
  readonly path: FieldPath
}

function below({ depth, path }: Place, at: string, ...steps: FieldPath): Place {
  return { at, depth: depth + 1, path: steps.length === 0 ? path : [...path, ...steps] }
}

/**
 * The columns of an XDM schema in compatibility mode: `properties`, `allOf` and `$ref` into `definitions` or to what
 * `resolve` knows.
 * @throws AppError 'schema.invalid' naming the place as a JSON pointer, 'schema.unknown' for an unknown reference.
 */
export function columnsOfXdm(document: unknown, resolve: ResolveReference = () => undefined): XdmColumns {
  if (!isObject(document))
    throw invalid('#', `an object was expected, ${describe(document)} came`, 'Send a JSON Schema.')
  const walk: Walk = { document, resolve, constraints: [], required: [], leafCount: 0, stepCount: 0 }
  const top: Place = { at: '#', depth: 0, path: [] }
  const merged = objectOf(document, top, walk)
  if (merged.properties.size === 0) {
    throw invalid(
      '#/properties',
      'no field was found',
      'Give at least one field in "properties", or in "definitions" referred to by "allOf".',
    )
  }
  const columns = structOf(merged, top, walk)
  return { columns, required: walk.required, constraints: walk.constraints }
}

/** An object's own fields and those of all it refers to, in document order. */
interface MergedObject {
  readonly properties: Map<string, { readonly schema: Record<string, unknown>; readonly at: string }>
  readonly required: Set<string>
}

function objectOf(schema: Record<string, unknown>, place: Place, walk: Walk): MergedObject {
  const merged: MergedObject = { properties: new Map(), required: new Set() }
  collect(schema, place, walk, merged)
  return merged
}

function collect(schema: Record<string, unknown>, place: Place, walk: Walk, merged: MergedObject): void {
  step(place, walk)
  const { at } = place
  const { $ref: reference, allOf, properties, required } = schema
  if (reference !== undefined) {
    const target = resolveReference(reference, at, walk)
    collect(target.schema, below(place, target.at), walk, merged)
  }
  if (allOf !== undefined) {
    if (!Array.isArray(allOf)) throw invalid(`${at}/allOf`, `an array was expected, ${describe(allOf)} came`)
    for (const [index, item] of allOf.entries()) {
      if (!isObject(item)) {
        throw invalid(`${at}/allOf/${index}`, `an object was expected, ${describe(item)} came`)
      }
      collect(item, below(place, `${at}/allOf/${index}`), walk, merged)
    }
  }
  if (properties !== undefined) {
    if (!isObject(properties)) {
      throw invalid(`${at}/properties`, `an object was expected, ${describe(properties)} came`)
    }
    for (const [name, field] of Object.entries(properties)) {
      const there = `${at}/properties/${pointer(name)}`
      if (!isObject(field)) throw invalid(there, `an object was expected, ${describe(field)} came`)
      add(merged, name, field, there)
    }
  }
  if (required !== undefined) {
    if (!Array.isArray(required) || required.some((name) => typeof name !== 'string')) {
      throw invalid(`${at}/required`, 'an array of field names was expected')
    }
    for (const name of required) merged.required.add(name as string)
  }
}

/** Two definitions may meet under one name: objects join, anything else must be said once. */
function add(merged: MergedObject, name: string, field: Record<string, unknown>, at: string): void {
  const before = merged.properties.get(name)
  if (!before) {
    merged.properties.set(name, { schema: field, at })
    return
  }
  if (!isObject(before.schema['properties']) || !isObject(field['properties'])) {
    if (JSON.stringify(before.schema) === JSON.stringify(field)) return
    throw invalid(at, `the field is defined differently at ${before.at}`, 'Keep one of the two definitions.')
  }
  merged.properties.set(name, { schema: { allOf: [before.schema, field] }, at })
}

function structOf(merged: MergedObject, place: Place, walk: Walk): StructType {
  const fields: Field[] = []
  const names = new Map<string, string>()
  for (const [name, { schema, at }] of merged.properties) {
    checkXdmName(name, at)
    const folded = name.toLowerCase()
    const twin = names.get(folded)
    if (twin !== undefined) {
      throw invalid(at, `the field differs only by case from ${JSON.stringify(twin)}`, 'Rename one of them.')
    }
    names.set(folded, name)
    if (place.depth === 0) refuseReserved(name, at)
    const field = below(place, at, name)
    if (merged.required.has(name)) walk.required.push(field.path)
    fields.push({ name, type: typeOf(schema, field, walk) })
  }
  for (const name of merged.required) {
    if (!merged.properties.has(name)) {
      throw invalid(
        `${place.at}/required`,
        `the field ${JSON.stringify(name)} is required but not defined`,
        'Define it in "properties" or take it out of "required".',
      )
    }
  }
  return structType(fields)
}

function typeOf(schema: Record<string, unknown>, place: Place, walk: Walk): DataType {
  step(place, walk)
  const { at, path } = place
  if (schema['$ref'] !== undefined && schema['properties'] === undefined && schema['allOf'] === undefined) {
    const target = resolveReference(schema['$ref'], at, walk)
    return typeOf(target.schema, below(place, target.at), walk)
  }
  const declared = declaredType(schema, at)
  if (declared !== 'object' && declared !== 'array') {
    walk.leafCount += 1
    if (walk.leafCount > schemaLeavesMax) {
      throw invalid(at, `a schema has at most ${schemaLeavesMax} fields`, 'Split it, or use a map.')
    }
  }
  switch (declared) {
    case 'object':
      return objectType(schema, place, walk)
    case 'array': {
      const items = schema['items']
      if (!isObject(items)) {
        throw invalid(
          `${at}/items`,
          `an object was expected, ${describe(items)} came`,
          'Say what the array holds in "items".',
        )
      }
      return arrayType(typeOf(items, below(place, `${at}/items`, elementStep), walk))
    }
    default: {
      const type = scalarType(schema, declared, at)
      const constraints = constraintsOf(schema, type, path)
      if (constraints) walk.constraints.push(constraints)
      return type
    }
  }
}

function objectType(schema: Record<string, unknown>, place: Place, walk: Walk): DataType {
  const merged = objectOf(schema, place, walk)
  if (merged.properties.size > 0) return structOf(merged, place, walk)
  const values = schema['additionalProperties']
  if (isObject(values)) {
    const key = hintedType(schema, 'meta:sparkKeyType') ?? stringType
    return mapType(key, typeOf(values, below(place, `${place.at}/additionalProperties`, valueStep), walk))
  }
  walk.leafCount += 1
  return stringType // Nothing is known of what is inside: kept as the text of its JSON.
}

const types = ['string', 'number', 'integer', 'boolean', 'object', 'array'] as const
type JsonType = (typeof types)[number]

function declaredType(schema: Record<string, unknown>, at: string): JsonType {
  const { type } = schema
  const named = Array.isArray(type) ? type.filter((name) => name !== 'null') : [type]
  if (type === undefined) {
    const fromXdm = typeOfXdmName.get(String(schema['meta:xdmType']))
    if (fromXdm) return fromXdm
    if (['properties', 'allOf', 'additionalProperties'].some((key) => schema[key] !== undefined))
      return 'object'
    if (schema['items'] !== undefined) return 'array'
  }
  const found = types.find((candidate) => named.length === 1 && candidate === named[0])
  if (found) return found
  throw invalid(
    `${at}/type`,
    `one of ${types.join(', ')} was expected, ${describe(type)} came`,
    'Give the field one type.',
  )
}

const typeOfXdmName: ReadonlyMap<string, JsonType> = new Map([
  ['string', 'string'],
  ['number', 'number'],
  ['double', 'number'],
  ['long', 'integer'],
  ['int', 'integer'],
  ['short', 'integer'],
  ['byte', 'integer'],
  ['boolean', 'boolean'],
  ['date', 'string'],
  ['date-time', 'string'],
  ['object', 'object'],
  ['map', 'object'],
  ['array', 'array'],
])

function scalarType(schema: Record<string, unknown>, declared: JsonType, at: string): DataType {
  const hinted = hintedType(schema, 'meta:sparkType')
  if (hinted) return hinted
  const xdmName = schema['meta:xdmType']
  if (xdmName !== undefined && (typeof xdmName !== 'string' || typeOfXdmName.get(xdmName) !== declared)) {
    throw invalid(
      `${at}/meta:xdmType`,
      `${describe(xdmName)} does not go with the type ${JSON.stringify(declared)}`,
      'Make the two agree, or leave "meta:xdmType" out.',
    )
  }
  switch (declared) {
    case 'boolean':
      return booleanType
    case 'number':
      return doubleType
    case 'integer':
      return integerOf(schema, at)
    default: {
      const format = xdmName ?? schema['format']
      if (format === 'date-time') return timestampType
      return format === 'date' ? dateType : stringType
    }
  }
}

/** The type named, else the smallest that holds the bounds; without bounds `int`. Bounds are printed as 2^n and 2^n−1. */
function integerOf(schema: Record<string, unknown>, at: string): DataType {
  switch (schema['meta:xdmType']) {
    case 'byte':
      return byteType
    case 'short':
      return shortType
    case 'int':
      return integerType
    case 'long':
      return longType
    default:
  }
  const minimum = bound(schema, 'minimum', at)
  const maximum = bound(schema, 'maximum', at)
  const largest = Math.max(Math.abs(minimum ?? 0), Math.abs(maximum ?? 0))
  if (largest > 2_147_483_648) return longType
  if (minimum === undefined || maximum === undefined || largest > 32_768) return integerType
  return largest > 128 ? shortType : byteType
}

function bound(schema: Record<string, unknown>, key: 'minimum' | 'maximum', at: string): number | undefined {
  const value = schema[key]
  if (value === undefined || typeof value === 'number') return value
  throw invalid(`${at}/${key}`, `a number was expected, ${describe(value)} came`)
}

function resolveReference(
  reference: unknown,
  at: string,
  walk: Walk,
): { readonly schema: Record<string, unknown>; readonly at: string } {
  if (typeof reference !== 'string')
    throw invalid(`${at}/$ref`, `a text was expected, ${describe(reference)} came`)
  if (!reference.startsWith('#')) {
    const target = walk.resolve(reference)
    if (isObject(target)) return { schema: target, at: `${at}/$ref` }
    throw new AppError(
      'schema.unknown',
      `${at}/$ref: there is no resource ${JSON.stringify(reference.slice(0, 200))}.`,
      {
        hint: 'Write its fields into "properties", or refer to "#/definitions/…".',
      },
    )
  }
  let target: unknown = walk.document
  for (const step of reference.split('/').slice(1)) {
    const name = decodePointer(step)
    target = isObject(target) && Object.hasOwn(target, name) ? target[name] : undefined
  }
  if (reference.length > 1 && isObject(target)) return { schema: target, at: reference }
  throw invalid(`${at}/$ref`, `nothing is defined at ${JSON.stringify(reference.slice(0, 200))}`)
}

function decodePointer(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~')
}

function checkXdmName(name: string, at: string): void {
  if (!/^[A-Za-z0-9_-]+$/.test(name) || name.length > fieldNameLengthMax) {
    throw invalid(
      at,
      `${JSON.stringify(name.slice(0, 80))} cannot be the name of a field`,
      `Use 1 to ${fieldNameLengthMax} letters, digits, "_" and "-".`,
    )
  }
}

/** Names of what the lake says of a row: when and in which batch it came. */
export function isReserved(name: string): boolean {
  return name.toLowerCase().startsWith('_acp_')
}

/** The names of system columns may not be a user's. @throws AppError 'schema.invalid' */
export function refuseReserved(name: string, at: string): void {
  if (isReserved(name)) {
    throw invalid(
      at,
      `${JSON.stringify(name)} is the name of a system column`,
      'Names beginning with "_acp_" are reserved: rename it.',
    )
  }
}

function step({ at, depth }: Place, walk: Walk): void {
  walk.stepCount += 1
  if (depth > schemaDepthMax) {
    const hint = 'Flatten the schema; a definition must not contain itself.'
    throw invalid(at, `fields nest at most ${schemaDepthMax} deep`, hint)
  }
  if (walk.stepCount > stepsMax) {
    throw invalid(at, `references make the schema larger than ${stepsMax} objects`, 'Split it, or use a map.')
  }
}

/** Also for columns that are not an XDM document, with their path in the pointer's place. */
export function invalid(at: string, what: string, hint?: string): AppError {
  const place = at.length > 400 ? `…${at.slice(-400)}` : at
  return new AppError('schema.invalid', `${place}: ${what}.`, { hint, detail: { path: place } })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function pointer(name: string): string {
  return name.slice(0, 200).replaceAll('~', '~0').replaceAll('/', '~1')
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value) ?? typeof value
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
