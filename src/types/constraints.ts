import type { DataType } from './data-type.ts'
import { enginePattern } from './engine-pattern.ts'

/** Names of fields, with steps to every element of an array and every value of a map between them; below a missing parent is none. */
export type FieldPath = readonly string[]
/** No names of fields. */
export const elementStep = '[]'
export const valueStep = '{}'

/** As people read it: `lines[].sku`. */
export function pathText(path: FieldPath): string {
  return path.reduce((text, step) =>
    step === elementStep || step === valueStep ? text + step : `${text}.${step}`,
  )
}

/** What values of a field must be beyond their type. A field that is absent meets all of it. */
export interface Constraints {
  readonly path: FieldPath
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  /** In characters. */
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly format?: TextFormat
  readonly enum?: readonly (string | number | boolean)[]
}

/** Formats of texts that are looked at; any text may be a `uri-reference`, and all others have types of their own. */
export const textFormats = ['email', 'uri', 'ipv4', 'ipv6'] as const
export type TextFormat = (typeof textFormats)[number]

type Json = Readonly<Record<string, unknown>>

/**
 * What JSON Schema asks of a scalar field. Bounds that the type has anyway are none; those of `long` are printed as what
 * a JSON number holds, and mean the type's.
 */
export function constraintsOf(schema: Json, type: DataType, path: FieldPath): Constraints | undefined {
  const { kind } = type
  const found: Record<string, unknown> = {}
  const values = allowedValues(schema, type)
  if (values) found['enum'] = values
  if (kind === 'string') {
    const { minLength, maxLength, pattern, format } = schema
    if (textFormats.some((known) => known === format)) found['format'] = format
    if (isNumber(minLength) && minLength > 0) found['minLength'] = minLength
    if (isNumber(maxLength)) found['maxLength'] = maxLength
    if (typeof pattern === 'string' && 'pattern' in enginePattern(pattern)) found['pattern'] = pattern
  }
  const largest = largestOf.get(kind)
  if (largest !== undefined) {
    const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema
    if (isNumber(minimum) && minimum > -largest) found['minimum'] = minimum
    if (isNumber(maximum) && maximum < largest) found['maximum'] = maximum
    if (isNumber(exclusiveMinimum)) found['exclusiveMinimum'] = exclusiveMinimum
    if (isNumber(exclusiveMaximum)) found['exclusiveMaximum'] = exclusiveMaximum
  }
  return Object.keys(found).length === 0 ? undefined : { path, ...found }
}

const largestOf: ReadonlyMap<DataType['kind'], number> = new Map([
  ['byte', 127],
  ['short', 32_767],
  ['integer', 2_147_483_647],
  ['long', Number.MAX_SAFE_INTEGER],
  ['float', Infinity],
  ['double', Infinity],
  ['decimal', Infinity],
])

function allowedValues({ enum: listed, const: single }: Json, { kind }: DataType): unknown[] | undefined {
  const values: readonly unknown[] | undefined =
    single === undefined ? (Array.isArray(listed) ? listed : undefined) : [single]
  const wanted =
    kind === 'string' ? 'string' : kind === 'boolean' ? 'boolean' : largestOf.has(kind) ? 'number' : undefined
  const fitting = wanted && values?.filter((value) => typeof value === wanted)
  return fitting && fitting.length > 0 ? fitting : undefined
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}
