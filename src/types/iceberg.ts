import { AppError } from '#base/errors.ts'
import { type DataType, longType, type StructType, stringType } from './data-type.ts'

/** A type as Iceberg's metadata JSON has it: a name, or a nested type whose parts carry field ids. */
export type IcebergType = string | IcebergStruct | IcebergList | IcebergMap

export interface IcebergStruct {
  readonly type: 'struct'
  readonly fields: readonly IcebergField[]
}

export interface IcebergField {
  readonly id: number
  readonly name: string
  readonly required: boolean
  readonly type: IcebergType
}

export interface IcebergList {
  readonly type: 'list'
  readonly 'element-id': number
  readonly 'element-required': boolean
  readonly element: IcebergType
}

export interface IcebergMap {
  readonly type: 'map'
  readonly 'key-id': number
  readonly key: IcebergType
  readonly 'value-id': number
  readonly 'value-required': boolean
  readonly value: IcebergType
}

/** The columns with fresh field ids, given level by level as Iceberg's reference implementation does. */
export function icebergStruct(
  columns: StructType,
  /** Ids up to this one are taken. */
  idsTaken = 0,
): {
  readonly struct: IcebergStruct
  readonly lastFieldId: number
} {
  let lastFieldId = idsTaken
  const next = (): number => (lastFieldId += 1)

  const convert = (type: DataType): IcebergType => {
    if (type.kind === 'array') {
      const id = next()
      return { type: 'list', 'element-id': id, 'element-required': false, element: convert(type.element) }
    }
    if (type.kind === 'map') {
      const ids = { 'key-id': next(), 'value-id': next() }
      const key = convert(type.key)
      return { type: 'map', ...ids, 'value-required': false, key, value: convert(type.value) }
    }
    return type.kind === 'struct' ? struct(type) : primitiveName(type)
  }
  const struct = (type: StructType): IcebergStruct => {
    const numbered = type.fields.map((field) => ({ id: next(), name: field.name, type: field.type }))
    return {
      type: 'struct',
      fields: numbered.map(({ id, name, type }) => ({ id, name, required: false, type: convert(type) })),
    }
  }
  return { struct: struct(columns), lastFieldId }
}

function primitiveName(type: DataType): string {
  if (type.kind === 'decimal') return `decimal(${type.precision}, ${type.scale})`
  if (type.kind === 'interval') {
    throw new AppError('schema.invalid', 'An interval cannot be stored in a table.', {
      hint: 'Store a number of seconds or days instead.',
    })
  }
  return otherNames.get(type.kind) ?? type.kind
}

/** Where Iceberg's name is not ours. */
const otherNames: ReadonlyMap<string, string> = new Map([
  ['byte', 'long'],
  ['short', 'long'],
  ['integer', 'long'],
  ['void', 'string'],
  ['timestamp', 'timestamptz'],
  ['timestamp_ntz', 'timestamp'],
])

/**
 * The type as the lake's files have it. Every integer is a `long`: widening one later would make files unreadable to
 * Spark's vectorised reader (measured).
 */
export function storedType(type: DataType): DataType {
  if (type.kind === 'array') return { kind: 'array', element: storedType(type.element) }
  if (type.kind === 'map') return { kind: 'map', key: storedType(type.key), value: storedType(type.value) }
  if (type.kind === 'struct') {
    return { ...type, fields: type.fields.map(({ name, type }) => ({ name, type: storedType(type) })) }
  }
  if (type.kind === 'void') return stringType
  return type.kind === 'byte' || type.kind === 'short' || type.kind === 'integer' ? longType : type
}

/** A field at any depth. Inside lists and maps the names are `element`, `key` and `value`. */
export interface FieldPlace {
  readonly id: number
  readonly type: IcebergType
  readonly path: readonly string[]
  /** Inside a list or map: a row has any number of values. */
  readonly isRepeated: boolean
}

export function* fieldPlaces(struct: IcebergStruct): Generator<FieldPlace> {
  yield* placesOf(struct, [], false)
}

function* placesOf(type: IcebergType, path: readonly string[], isRepeated: boolean): Generator<FieldPlace> {
  if (typeof type === 'string') return
  for (const part of partsOf(type)) {
    const place = {
      id: part.id,
      type: part.type,
      path: [...path, part.name],
      isRepeated: isRepeated || type.type !== 'struct',
    }
    yield place
    yield* placesOf(place.type, place.path, place.isRepeated)
  }
}

function partsOf(
  type: Exclude<IcebergType, string>,
): readonly { readonly id: number; readonly name: string; readonly type: IcebergType }[] {
  if (type.type === 'struct') return type.fields
  if (type.type === 'list') return [{ id: type['element-id'], name: 'element', type: type.element }]
  return [
    { id: type['key-id'], name: 'key', type: type.key },
    { id: type['value-id'], name: 'value', type: type.value },
  ]
}

/** Field ids nested as the type is, by name. */
export interface NestedIds {
  readonly [name: string]: { readonly id: number; readonly fields?: NestedIds }
}

export function nestedIds(type: Exclude<IcebergType, string>): NestedIds {
  return Object.fromEntries(
    partsOf(type).map((part) => [
      part.name,
      typeof part.type === 'string' ? { id: part.id } : { id: part.id, fields: nestedIds(part.type) },
    ]),
  )
}
