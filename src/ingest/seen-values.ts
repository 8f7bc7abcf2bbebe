import {
  arrayType,
  booleanType,
  type DataType,
  dateType,
  doubleType,
  longType,
  stringType,
  structType,
  type StructType,
  timestampType,
} from '#types/data-type.ts'
import { textReader } from './primitive-readers.ts'
import { isRawNumber } from './raw-json.ts'
import { isObject } from './value-readers.ts'

type Kind = 'boolean' | 'long' | 'double' | 'date' | 'timestamp' | 'string' | 'struct' | 'array'

const readers = {
  long: textReader(longType),
  double: textReader(doubleType),
  date: textReader(dateType),
  timestamp: textReader(timestampType),
}

/** What was seen of a column or field so far: which kinds of values, which fields below, which elements. */
export class SeenValues {
  readonly #kinds = new Set<Kind>()
  readonly #fields = new Map<string, SeenValues>()
  #element: SeenValues | undefined

  /** A value of JSON. */
  add(value: unknown): void {
    if (value === null || value === undefined) return
    if (typeof value === 'string') this.#kinds.add(kindOfTime(value))
    else if (typeof value === 'boolean') this.#kinds.add('boolean')
    else if (typeof value === 'number') this.#kinds.add(Number.isInteger(value) ? 'long' : 'double')
    else if (isRawNumber(value))
      this.#kinds.add(readers.long(value.rawJSON) === undefined ? 'double' : 'long')
    else if (Array.isArray(value)) {
      this.#kinds.add('array')
      this.#element ??= new SeenValues()
      for (const item of value) this.#element.add(item)
    } else if (isObject(value)) {
      this.#kinds.add('struct')
      for (const [name, item] of Object.entries(value)) this.#field(name).add(item)
    }
  }

  /** A field of a text file, where every value is text. */
  addText(name: string, text: string): void {
    const field = this.#field(name)
    if (field.#kinds.has('string')) return
    field.#kinds.add(kindOfText(text))
  }

  addField(name: string): void {
    this.#field(name)
  }

  columns(): StructType {
    return structType([...this.#fields].map(([name, seen]) => ({ name, type: seen.type() })))
  }

  /** The type that holds everything seen; text when nothing else does, or nothing was seen. */
  type(): DataType {
    const is = (...kinds: readonly Kind[]): boolean => [...this.#kinds].every((kind) => kinds.includes(kind))
    if (this.#kinds.size === 0) return stringType
    if (is('boolean')) return booleanType
    if (is('long')) return longType
    if (is('long', 'double')) return doubleType
    if (is('date')) return dateType
    if (is('date', 'timestamp')) return timestampType
    if (is('struct') && this.#fields.size > 0) return this.columns()
    if (is('array')) return arrayType(this.#element?.type() ?? stringType)
    return stringType
  }

  #field(name: string): SeenValues {
    let field = this.#fields.get(name)
    if (!field) {
      field = new SeenValues()
      this.#fields.set(name, field)
    }
    return field
  }
}

function kindOfTime(text: string): Kind {
  if (!/^\d{4}-\d{2}/.test(text)) return 'string'
  if (readers.date(text) !== undefined) return 'date'
  return readers.timestamp(text) === undefined ? 'string' : 'timestamp'
}

/** Digits after a leading zero are a code, not a number. */
function kindOfText(text: string): Kind {
  if (/^(?:true|false)$/i.test(text)) return 'boolean'
  if (/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) {
    if (/^-?\d+$/.test(text)) return readers.long(text) === undefined ? 'string' : 'long'
    return readers.double(text) === undefined ? 'string' : 'double'
  }
  return kindOfTime(text)
}
