import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import { sameType, type DataType, type StructType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { isIntegral } from '#types/implicit-cast.ts'
import { castToNumber } from './cast-number.ts'
import { castToText } from './cast-text.ts'
import { castToTime } from './cast-time.ts'
import { withValue } from './with-value.ts'

/** Engine text that converts engine text from one type to another. */
type Cast = (text: string, from: DataType, to: DataType) => string

/**
 * Engine text that converts as Spark's CAST does without ANSI: what cannot be read is NULL, whole numbers wrap,
 * fractions are cut. A pair Spark does not convert gives NULL.
 * @param text engine text of the value, safe to stand in any place; so is the outcome
 * @param each converts what is inside of the value
 */
export function castText(text: string, from: DataType, to: DataType, each: Cast = castText): string {
  if (sameType(from, to)) return text
  const nothing = `CAST(NULL AS ${duckdbType(to)})`
  // What is always NULL may still end the statement.
  if (from.kind === 'void') return `CASE WHEN ${text} IS NULL THEN ${nothing} END`
  return converted(text, from, to, each) ?? nothing
}

function converted(text: string, from: DataType, to: DataType, each: Cast): string | undefined {
  switch (to.kind) {
    case 'string':
      return castToText(text, from)
    case 'date':
    case 'timestamp':
    case 'timestamp_ntz':
    case 'interval':
      return castToTime(text, from, to)
    case 'binary':
      return castToBinary(text, from)
    case 'array':
      return from.kind === 'array'
        ? `list_transform(${text}, lambda e: ${each('e', from.element, to.element)})`
        : undefined
    case 'map':
      return from.kind === 'map' ? castMap(text, from, to, each) : undefined
    case 'struct':
      return from.kind === 'struct' ? castStruct(text, from, to, each) : undefined
    case 'void':
      return undefined
    default:
      return castToNumber(text, from, to)
  }
}

/** Whole numbers as bytes, the highest first. */
function castToBinary(text: string, from: DataType): string | undefined {
  if (from.kind === 'string') return `encode(${text})`
  if (!isIntegral(from)) return undefined
  const digits = { byte: 2, short: 4, integer: 8, long: 16 }[from.kind as 'byte'] ?? 16
  return `unhex(right('000000000000000' || hex(CAST(${text} AS BIGINT)), ${digits}))`
}

type MapType = Extract<DataType, { kind: 'map' }>

function castMap(text: string, from: MapType, to: MapType, each: Cast): string {
  const key = each('(e)."key"', from.key, to.key)
  const value = each('(e)."value"', from.value, to.value)
  return `map_from_entries(list_transform(map_entries(${text}), lambda e: struct_pack("key" := ${key}, "value" := ${value})))`
}

/** By position, as Spark does: the engine would go by names. */
function castStruct(text: string, from: StructType, to: StructType, each: Cast): string {
  return withValue(text, (value) => {
    const members = to.fields.map((field, index) => {
      const own = from.fields[index]
      const member = own
        ? each(`struct_extract(${value}, ${quoteLiteral(own.name)})`, own.type, field.type)
        : `CAST(NULL AS ${duckdbType(field.type)})`
      return `${quoteIdentifier(field.name)} := ${member}`
    })
    return `(CASE WHEN ${value} IS NOT NULL THEN struct_pack(${members.join(', ')}) END)`
  })
}
