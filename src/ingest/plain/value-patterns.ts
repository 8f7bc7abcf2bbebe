import { elementStep, valueStep } from '#types/constraints.ts'
import type { DataType, Field } from '#types/data-type.ts'
import { plainDay, plainTime } from '../primitive-readers.ts'
import { requiredBelow, type RequiredPaths } from '../value-readers.ts'
import { insideOf, type SeenKeys } from './seen-keys.ts'

/**
 * Patterns of values that are *plain*: what our readers and the engine certainly take for the same value, so that the engine
 * may read it by itself. They say less than the notation allows, and what they do not say is left to our readers. No two
 * ways lead through a text, nor to the same place of one, so a search takes time linear in it. Each part of a type stands in
 * its pattern once, which is as long as the type is large.
 */
interface Notation {
  /** As JSON has it, or doubled inside of a field of CSV. */
  readonly quote: '"' | '""'
}

/** A comma with another name behind it, or the end of the object. */
const fieldEnd = String.raw`(?:, ?(?=")| ?(?=\}))`
/** The same of an array. */
const elementEnd = String.raw`(?:, ?(?!\])| ?(?=\]))`
const character = String.raw`[^"\\\x00-\x1f]`
/** No NUL, and of surrogates whole pairs only. */
const escaped = String.raw`[\\/bfnrt]|u(?!0000|[dD][89a-fA-F])[\da-fA-F]{4}|u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}`

/** Names that JSON does not escape, nor a pattern beyond bytes of ASCII. */
const plainName = /^(?:[ !#-[\]-~]|\p{L}|\p{N})+$/u

/** Digits that a type certainly holds, after the first one. */
const digitsMax = { byte: 1, short: 3, integer: 8, long: 17 } as const

/** Of longer lists every element would be gone back over when what follows is not plain. */
const elementsMax = 256

/**
 * What a JSON value of a type looks like. Undefined: nothing of the type is plain.
 * @param seen in which order fields come; others are not plain
 */
export function jsonPattern(
  type: DataType,
  options: {
    readonly seen: SeenKeys
    readonly required?: RequiredPaths
    /** A field of texts whose value, when it is not null, becomes a group of its name. */
    readonly group?: string
    /** What the names of groups begin with; in one pattern there may be no two of a name. */
    readonly prefix?: string
  } & Notation,
): string | undefined {
  let mapCount = 0

  function value(part: DataType, seen: SeenKeys, required: RequiredPaths): string | undefined {
    switch (part.kind) {
      case 'string':
        return text(options)
      case 'boolean':
        return 'true|false'
      case 'byte':
      case 'short':
      case 'integer':
      case 'long':
        return integer(digitsMax[part.kind])
      case 'double':
        return jsonDouble
      case 'date':
        return `${options.quote}${plainDay}${options.quote}`
      case 'timestamp':
      case 'timestamp_ntz':
        return `${options.quote}${plainDay}${plainTime}${options.quote}`
      case 'struct':
        return struct(part.fields, seen, required)
      case 'array':
        return list(orNull(value(part.element, insideOf(seen, ''), requiredBelow(required, elementStep))))
      case 'map':
        return part.key.kind === 'string'
          ? map(orNull(value(part.value, insideOf(seen, ''), requiredBelow(required, valueStep))))
          : undefined
      default:
        return undefined
    }
  }

  function struct(fields: readonly Field[], seen: SeenKeys, required: RequiredPaths): string | undefined {
    const needed = required.flatMap(([name = '', ...rest]) => (rest.length === 0 ? [name] : []))
    if (needed.some((name) => !seen.names.includes(name))) return undefined
    const parts = seen.names.map((name) => {
      const type = fields.find((field) => field.name === name)?.type
      const plain = type && value(type, insideOf(seen, name), requiredBelow(required, name))
      const isGroup = type?.kind === 'string' && seen === options.seen && name === options.group
      const inner = isGroup ? `(?<${name}>${plain})` : plain
      const isNeeded = needed.includes(name)
      if (!plainName.test(name) || (isNeeded && inner === undefined)) return isNeeded ? undefined : ''
      const key = `${options.quote}${name.replaceAll(/[\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)}${options.quote}`
      if (isNeeded) return `${key} ?: ?(?:${inner})${fieldEnd}`
      // A field that is there is not passed by: of a record that is not plain none would be tried in its place.
      return `(?:${key} ?: ?${orNull(inner)}${fieldEnd}|(?!${key}))`
    })
    return parts.includes(undefined) ? undefined : `\\{ ?${parts.join('')}\\}`
  }

  /** Of a key that is there twice our readers take the last, so two keys must differ; three are not looked at. */
  function map(inner: string): string {
    const { quote, prefix = 'k' } = options
    const name = `${prefix}${(mapCount += 1)}`
    const first = `(?=${quote}(?<${name}>${character}*)${quote})`
    // Names that look like numbers come first in JavaScript.
    const key = `${quote}(?:(?<=\\{ ?${quote})|(?!\\d|\\k<${name}>${quote}))${character}*${quote}`
    return `\\{ ?(?:${first}(?:${key} ?: ?${inner}${fieldEnd}){1,2})?\\}`
  }

  return value(type, options.seen, options.required ?? [])
}

/**
 * What a field of CSV of a type looks like, in quotes and without, NULL included when the field is not needed.
 * Undefined: nothing of it is plain.
 */
export function csvPattern(
  type: DataType,
  options: { readonly seen: SeenKeys; readonly required: RequiredPaths; readonly prefix: string },
): string | undefined {
  const isNeeded = options.required.some((path) => path.length === 0)
  const plain = csvValue(type, options)
  if (plain === undefined) return isNeeded ? undefined : ''
  return isNeeded ? `(?:${plain})` : `(?:${plain})?`
}

const filledCsvField = String.raw`[^",\x00-\x08\x0a-\x1f]+|"[^"\x00-\x08\x0a-\x1f]*(?:""[^"\x00-\x08\x0a-\x1f]*)*"`
/** Of a column that is not read. */
export const anyCsvField = `(?:${filledCsvField})?`

function csvValue(
  type: DataType,
  { seen, required, prefix }: Parameters<typeof csvPattern>[1],
): string | undefined {
  switch (type.kind) {
    case 'string':
      return filledCsvField
    case 'struct':
    case 'array':
    case 'map': {
      const below = required.filter((path) => path.length > 0)
      const json = jsonPattern(type, { seen, required: below, quote: '""', prefix })
      return json === undefined ? undefined : `"${json}"`
    }
    default: {
      const text = csvText(type)
      return text === undefined ? undefined : `${text}|"${text}"`
    }
  }
}

/** Here the engine converts the same text that our readers would give it. */
function csvText(type: DataType): string | undefined {
  switch (type.kind) {
    case 'boolean':
      return '(?:true|false)'
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return `(?:${integer(digitsMax[type.kind])})`
    case 'double':
      return String.raw`-?\d{1,15}(?:\.\d{1,17})?(?:[eE][+-]?\d{1,2})?`
    case 'float':
      return String.raw`-?\d{1,15}(?:\.\d{1,17})?`
    case 'decimal': {
      const { precision, scale } = type
      if (precision === scale) return undefined
      return `-?\\d{1,${precision - scale}}${scale > 0 ? `(?:\\.\\d{1,${scale}})?` : ''}`
    }
    case 'date':
      return plainDay
    case 'timestamp':
    case 'timestamp_ntz':
      return `${plainDay}${plainTime}`
    default:
      return undefined
  }
}

function text({ quote }: Notation): string {
  return `${quote}${character}*(?:\\\\(?:${quote}|${escaped})${character}*)*${quote}`
}

function integer(digits: number): string {
  return `0|-?[1-9]\\d{0,${digits}}`
}

/** A zero below zero is one in JavaScript only. */
const jsonDouble = String.raw`(?:(?:0|-?[1-9]\d{0,14})(?:\.\d{1,16})?|-0\.\d{0,15}[1-9])(?:[eE][+-]?\d{1,2})?`

function list(inner: string): string {
  return `\\[ ?(?:${inner}${elementEnd}){0,${elementsMax}}\\]`
}

function orNull(inner: string | undefined): string {
  return inner === undefined ? 'null' : `(?:${inner}|null)`
}
