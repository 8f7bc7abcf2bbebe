import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import { stringType, type DataType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { readTime } from './date-time-read.ts'
import { parsed } from './json-paths.ts'
import { leniency } from './json-options.ts'
import type { JsonSite } from './json-write.ts'
import { onceEach } from './once-each.ts'

/** Engine text of a value read from JSON: first the engine finds the places, then each value is read by Spark's rules. */
export function readJson(text: string, type: DataType, site: JsonSite): string {
  const flags = leniency(site.options)
  const shape = JSON.stringify(shapeOf(type))
  // One object where an array is wanted is an array of one.
  const json =
    type.kind === 'array' && type.element.kind === 'struct'
      ? onceEach(
          [parsed(text, flags)],
          (json) => `CASE WHEN json_type(${json}) = 'OBJECT' THEN json_array(${json}) ELSE ${json} END`,
        )
      : parsed(text, flags)
  const places = `json_transform(${json}, ${quoteLiteral(shape)})`
  if (type.kind !== 'struct') return onceEach([places], (places = '') => valueAt(places, type, site))
  // A text that is no object is a struct of NULLs; an empty one is NULL.
  const nulls = type.fields.map(
    (field) => `${quoteIdentifier(field.name)} := CAST(NULL AS ${duckdbType(field.type)})`,
  )
  return onceEach(
    [text, places],
    (text = '', places = '') =>
      `CASE WHEN trim(${text}) <> '' THEN coalesce(${valueAt(places, type, site)}, struct_pack(${nulls.join(', ')})) END`,
  )
}

/** The engine's type of the places: leaves stay JSON. */
function shapeOf(type: DataType): string {
  switch (type.kind) {
    case 'struct':
      return `STRUCT(${type.fields.map((field) => `${quoteIdentifier(field.name)} ${shapeOf(field.type)}`).join(', ')})`
    case 'array':
      return `${shapeOf(type.element)}[]`
    case 'map':
      return `MAP(VARCHAR, ${shapeOf(type.value)})`
    default:
      return 'JSON'
  }
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
      const members = type.fields.map(({ name, type }) => {
        const member = valueAt(`struct_extract(${place}, ${quoteLiteral(name)})`, type, site)
        return `${quoteIdentifier(name)} := ${member}`
      })
      return `CASE WHEN ${place} IS NOT NULL THEN struct_pack(${members.join(', ')}) END`
    }
    case 'array':
      return `list_transform(${place}, lambda e: ${valueAt('e', type.element, site)})`
    case 'map':
      return (
        `map_from_entries(list_transform(map_entries(${place}), ` +
        `lambda e: struct_pack("key" := e."key", "value" := ${valueAt('e."value"', type.value, site)})))`
      )
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
      return `TRY_CAST(${text} AS ${duckdbType(type)})`
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
      return ifType("('VARCHAR')", read)
    }
    case 'binary':
      return ifType("('VARCHAR')", `TRY(from_base64(${text}))`)
    case 'string':
      return text
    default:
      return `CAST(NULL AS ${duckdbType(type)})`
  }
}
