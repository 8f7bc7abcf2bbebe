import { AppError } from '#base/errors.ts'
import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import { longType, stringType, type DataType, type Field, type StructType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { readTime } from './date-time-read.ts'
import { parsed, quotedKey } from './json-paths.ts'
import { leniency } from './json-options.ts'
import type { JsonSite } from './json-write.ts'
import { onceEach } from './once-each.ts'

/**
 * Engine text of a value read from JSON by Spark's rules: what does not fit is NULL. In an object that is the field
 * alone, in an array or a map all of it.
 */
export function readJson(text: string, type: DataType, site: JsonSite): string {
  const json = parsed(text, leniency(site.options))
  if (type.kind !== 'struct') return onceEach([json], (json = '') => valueAt(json, type, site))
  const isCorrupt = corruptRecordOf(type, site.options)
  const read: StructType = { ...type, fields: type.fields.filter((field) => !isCorrupt(field)) }
  return onceEach([text, json], (text = '', json = '') =>
    onceEach([text, json, valueAt(json, read, site)], (text = '', json = '', value = '') => {
      // A text that is no object is a struct of NULLs; an empty one is NULL.
      const members = type.fields.map((field) => {
        const member = isCorrupt(field)
          ? `CASE WHEN ${json} IS NULL OR ${misfits(json, value, read)} THEN ${text} END`
          : `struct_extract(${value}, ${quoteLiteral(field.name)})`
        return `${quoteIdentifier(field.name)} := ${member}`
      })
      return `CASE WHEN trim(${text}) <> '' THEN struct_pack(${members.join(', ')}) END`
    }),
  )
}

/** @throws AppError 'query.type' where the field for texts that do not fit takes no texts */
function corruptRecordOf({ fields }: StructType, options: JsonSite['options']): (field: Field) => boolean {
  const wanted = options.get('columnnameofcorruptrecord') ?? '_corrupt_record'
  const found = fields.find(({ name }) => name === wanted)
  if (found && found.type.kind !== 'string') {
    throw new AppError('query.type', `The field ${wanted} takes texts that do not fit: its type is STRING.`)
  }
  return (field) => field === found && fields.length > 1
}

/** Whether something of a value, or all of it, was not what its type asks for. */
function misfits(place: string, value: string, type: DataType): string {
  const isLost = `${value} IS NULL`
  const inside =
    type.kind === 'struct'
      ? type.fields.map(({ name, type }) =>
          misfits(
            `json_extract(${place}, ${quoteLiteral(`$.${quotedKey(name)}`)})`,
            `struct_extract(${value}, ${quoteLiteral(name)})`,
            type,
          ),
        )
      : []
  return `(coalesce(json_type(${place}), 'NULL') <> 'NULL' AND (${[isLost, ...inside].join(' OR ')}))`
}

const wholeNumbers = "('UBIGINT', 'BIGINT')"
const numbers = "('UBIGINT', 'BIGINT', 'DOUBLE', 'HUGEINT', 'UHUGEINT')"

function valueAt(place: string, type: DataType, site: JsonSite): string {
  const { options, cast } = site
  const text = `json_extract_string(${place}, '$')`
  const ifType = (kinds: string, value: string): string =>
    `CASE WHEN json_type(${place}) IN ${kinds} THEN ${value} END`
  switch (type.kind) {
    case 'struct': {
      const shape = Object.fromEntries(type.fields.map(({ name }) => [name, 'JSON']))
      return ifType(
        "('OBJECT')",
        onceEach([transformed(place, shape)], (places = '') => {
          const members = type.fields.map(({ name, type }) => {
            const member = valueAt(`struct_extract(${places}, ${quoteLiteral(name)})`, type, site)
            return `${quoteIdentifier(name)} := ${member}`
          })
          return `struct_pack(${members.join(', ')})`
        }),
      )
    }
    case 'array': {
      // One object where an array of them is wanted is an array of one.
      const ofOne = type.element.kind === 'struct' ? ` WHEN 'OBJECT' THEN json_array(${place})` : ''
      const list = `CASE json_type(${place}) WHEN 'ARRAY' THEN ${place}${ofOne} END`
      return allOrNone(transformed(list, ['JSON']), { type: type.element, site })
    }
    case 'map': {
      const entries = transformed(place, 'MAP(VARCHAR, JSON)')
      const values = allOrNone(`map_values(${entries})`, { type: type.value, site })
      return ifType(
        "('OBJECT')",
        onceEach([`map_keys(${entries})`, values], (keys = '', values = '') => {
          // Of a key that comes twice the first value is found; the engine's map refuses the second.
          const isFirst = (list: string): string =>
            `list_filter(${list}, lambda e, i: list_position(${keys}, ${keys}[i]) = i)`
          return (
            `CASE WHEN ${values} IS NULL THEN NULL WHEN len(list_distinct(${keys})) = len(${keys}) THEN map(${keys}, ${values}) ` +
            `ELSE map(${isFirst(keys)}, ${isFirst(values)}) END`
          )
        }),
      )
    }
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return ifType(wholeNumbers, `TRY_CAST(${text} AS ${duckdbType(type)})`)
    case 'float':
    case 'double':
      return (
        `CASE WHEN json_type(${place}) IN ${numbers} OR ${text} IN ('NaN', 'Infinity', '-Infinity', '+INF', '-INF') ` +
        `THEN TRY_CAST(${text} AS ${duckdbType(type)}) END`
      )
    case 'decimal':
      return `CASE WHEN json_type(${place}) = 'DOUBLE' THEN ${cast(text, stringType, type)} ELSE TRY_CAST(${text} AS ${duckdbType(type)}) END`
    case 'boolean':
      return ifType("('BOOLEAN')", `${text} = 'true'`)
    case 'timestamp':
    case 'date':
    case 'timestamp_ntz': {
      const pattern = options.get(type.kind === 'date' ? 'dateformat' : 'timestampformat')
      const read =
        pattern === undefined
          ? cast(text, stringType, type)
          : cast(readTime(text, pattern), { kind: 'timestamp' }, type)
      const seconds = cast(`TRY_CAST(${text} AS BIGINT)`, longType, type)
      const ofNumber =
        type.kind === 'timestamp' ? ` WHEN json_type(${place}) IN ${wholeNumbers} THEN ${seconds}` : ''
      return `CASE WHEN json_type(${place}) = 'VARCHAR' THEN ${read}${ofNumber} END`
    }
    case 'binary':
      return ifType("('VARCHAR')", `TRY(from_base64(${text}))`)
    case 'string':
      return text
    default:
      return `CAST(NULL AS ${duckdbType(type)})`
  }
}

/** The engine's places one level further in, each JSON itself. */
function transformed(place: string, shape: unknown): string {
  return `json_transform(${place}, ${quoteLiteral(JSON.stringify(shape))})`
}

/** The values of a list of places, or NULL when there is one that does not fit. */
function allOrNone(
  places: string,
  { type, site }: { readonly type: DataType; readonly site: JsonSite },
): string {
  if (type.kind === 'string') return `list_transform(${places}, lambda e: ${valueAt('e', type, site)})`
  const pairs = `list_transform(${places}, lambda e: struct_pack(p := e IS NOT NULL, v := ${valueAt('e', type, site)}))`
  return onceEach(
    [pairs],
    (pairs = '') =>
      `CASE WHEN len(list_filter(${pairs}, lambda e: (e).p AND (e).v IS NULL)) = 0 THEN list_transform(${pairs}, lambda e: (e).v) END`,
  )
}
