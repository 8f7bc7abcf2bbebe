import { shownValue } from '#base/shown-text.ts'
import { elementStep, type FieldPath, valueStep } from '#types/constraints.ts'
import { type DataType, type Field, sparkName } from '#types/data-type.ts'
import { isReserved } from '#types/xdm.ts'
import { ingestCodes } from './ingest-failure.ts'
import { textReader } from './primitive-readers.ts'
import { isRawNumber } from './raw-json.ts'

/** Why a value does not fit its field. */
export class Misfit {
  readonly code: string
  readonly reason: string
  constructor(reason: string, code: string = ingestCodes.corruptRow) {
    this.reason = reason
    this.code = code
  }
}

/**
 * Reads a value of JSON as a text the engine converts to the type without loss: a plain text for primitives, JSON with
 * all fields and every primitive as text for others. Null for null.
 */
export type ValueReader = (value: unknown) => string | Misfit | null

/** Of fields that no row may leave out, as the dataset has them. */
export type RequiredPaths = readonly FieldPath[]

export function valueReader(
  type: DataType,
  path: string,
  { required = [], isForLook = false, takesNul = false }: ReaderOptions = {},
): ValueReader {
  switch (type.kind) {
    case 'struct':
      return structReader(type.fields, path, { required, isForLook, takesNul })
    case 'array':
      return arrayReader(type, path, { required: requiredBelow(required, elementStep), isForLook, takesNul })
    case 'map':
      return mapReader(type, path, { required: requiredBelow(required, valueStep), isForLook, takesNul })
    default: {
      const read = textReader(type)
      const isText = type.kind === 'string'
      return (value) => {
        if (value === null || value === undefined) return null
        const text = typeof value === 'string' ? value : textOf(value, isText)
        if (isText && text !== undefined && !isStorable(text, takesNul))
          return new Misfit(`the field ${shownValue(path)} ${unstorable}`)
        const result = text === undefined ? undefined : read(text)
        return result ?? misfit(path, type, value)
      }
    }
  }
}

interface ReaderOptions {
  readonly required?: RequiredPaths
  /** Whether values fit is all that is asked: texts of structs, arrays and maps are not made. */
  readonly isForLook?: boolean
  /** Texts may hold U+0000, which no client by SQL can be sent. */
  readonly takesNul?: boolean
}

/** Whose value is written as JSON between the others. */
export function isNested(type: DataType): boolean {
  return type.kind === 'struct' || type.kind === 'array' || type.kind === 'map'
}

/** Finds fields by name, or else by name without case. */
export function fieldFinder(fields: readonly Field[]): (name: string) => number | undefined {
  const exact = new Map(fields.map((field, index) => [field.name, index]))
  const folded = new Map(fields.map((field, index) => [field.name.toLowerCase(), index]))
  return (name) => exact.get(name) ?? folded.get(name.toLowerCase())
}

/** Reads the fields of an object into texts, in the order of the fields; absent ones are null. */
export function fieldsReader(
  fields: readonly Field[],
  path: string,
  { required = [], isForLook = false, takesNul = false }: ReaderOptions,
): (value: object) => (string | null)[] | Misfit {
  const find = fieldFinder(fields)
  const readers = fields.map((field) =>
    valueReader(field.type, joined(path, field.name), {
      required: requiredBelow(required, field.name),
      isForLook,
      takesNul,
    }),
  )
  const needed = fields.flatMap((field, index) =>
    required.some((names) => names.length === 1 && names[0] === field.name) ? [index] : [],
  )
  const absent = fields.map((): string | null => null)
  return (value) => {
    const texts = absent.slice()
    for (const name of Object.keys(value)) {
      const given = (value as Readonly<Record<string, unknown>>)[name]
      if (given === null || (path === '' && isReserved(name))) continue
      const index = find(name)
      if (index === undefined) {
        return new Misfit(`the dataset has no field ${shownValue(joined(path, name))}`)
      }
      if (texts[index] !== null) {
        return new Misfit(`the field ${shownValue(joined(path, fields[index]?.name ?? ''))} is there twice`)
      }
      const text = readers[index]?.(given) ?? null
      if (text instanceof Misfit) return text
      texts[index] = text
    }
    for (const index of needed) {
      if (texts[index] === null) return missing(joined(path, fields[index]?.name ?? ''))
    }
    return texts
  }
}

/** What no text of a table can be. */
export const unstorable = 'holds a NUL or half a character'

function isStorable(text: string, takesNul: boolean): boolean {
  return text.isWellFormed() && (takesNul || !text.includes('\0'))
}

export function missing(path: string): Misfit {
  return new Misfit(`the required field ${shownValue(path)} is missing`, ingestCodes.requiredMissing)
}

function structReader(fields: readonly Field[], path: string, options: ReaderOptions): ValueReader {
  const read = fieldsReader(fields, path, options)
  const keys = fields.map((field) => `${JSON.stringify(field.name)}:`)
  const nested = fields.map((field) => isNested(field.type))
  return (value) => {
    if (value === null || value === undefined) return null
    if (!isObject(value)) return misfit(path, { kind: 'struct', fields }, value)
    const texts = read(value)
    if (texts instanceof Misfit) return texts
    if (options.isForLook === true) return ''
    return `{${texts.map((text, index) => `${keys[index]}${jsonText(text, nested[index] ?? false)}`).join(',')}}`
  }
}

function arrayReader(
  type: Extract<DataType, { readonly kind: 'array' }>,
  path: string,
  options: ReaderOptions,
): ValueReader {
  const read = valueReader(type.element, path + elementStep, options)
  const nested = isNested(type.element)
  return (value) => {
    if (value === null || value === undefined) return null
    if (!Array.isArray(value)) return misfit(path, type, value)
    const items: string[] = []
    for (const item of value) {
      const text = read(item)
      if (text instanceof Misfit) return text
      if (options.isForLook !== true) items.push(jsonText(text, nested))
    }
    return `[${items.join(',')}]`
  }
}

function mapReader(
  type: Extract<DataType, { readonly kind: 'map' }>,
  path: string,
  options: ReaderOptions,
): ValueReader {
  const { takesNul = false } = options
  const readKey = valueReader(type.key, path + valueStep, { takesNul })
  const read = valueReader(type.value, path + valueStep, options)
  const nested = isNested(type.value)
  return (value) => {
    if (value === null || value === undefined) return null
    if (!isObject(value)) return misfit(path, type, value)
    const items: string[] = []
    for (const [name, given] of Object.entries(value)) {
      const key = readKey(name)
      if (key instanceof Misfit) return key
      const text = read(given)
      if (text instanceof Misfit) return text
      if (options.isForLook !== true) items.push(`${JSON.stringify(key)}:${jsonText(text, nested)}`)
    }
    return `{${items.join(',')}}`
  }
}

function jsonText(text: string | null, isJson: boolean): string {
  return text === null ? 'null' : isJson ? text : JSON.stringify(text)
}

/** Text columns take whatever JSON holds; others only what is written as one value. */
function textOf(value: unknown, takesAll: boolean): string | undefined {
  // Of digits that are more than a double holds; no text of JSON says so.
  if (value === Infinity || value === -Infinity) return undefined
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (isRawNumber(value)) return value.rawJSON
  return takesAll ? JSON.stringify(value) : undefined
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value)
}

function misfit(path: string, type: DataType, value: unknown): Misfit {
  const shown = typeof value === 'string' || typeof value === 'number' ? String(value) : JSON.stringify(value)
  return new Misfit(`the field ${shownValue(path)} is ${sparkName(type)}, ${shownValue(shown)} came`)
}

function joined(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

/** @param step a name, or one into an array or a map */
export function requiredBelow(required: RequiredPaths, step: string): RequiredPaths {
  return required.filter((names) => names.length > 1 && names[0] === step).map((names) => names.slice(1))
}
