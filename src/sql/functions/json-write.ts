import { quoteLiteral } from '#base/sql-text.ts'
import { stringType, type DataType } from '#types/data-type.ts'
import { printedTime } from './date-time-print.ts'
import { toWallClock } from './date-time-text.ts'
import type { PrintedCall } from './entry.ts'
import type { JsonOptions } from './json-options.ts'

export interface JsonSite {
  readonly options: JsonOptions
  readonly cast: PrintedCall['cast']
}

const quoted = (text: string): string => `'"' || ${text} || '"'`

/** Engine text of a value as JSON, NULL for NULL. The value is mentioned more than once. */
export function writtenJson(value: string, type: DataType, site: JsonSite): string {
  const { options, cast } = site
  const keepsNulls = options.get('ignorenullfields')?.toLowerCase() === 'false'
  switch (type.kind) {
    case 'struct': {
      const members = type.fields.map((field) => {
        const member = writtenJson(`struct_extract(${value}, ${quoteLiteral(field.name)})`, field.type, site)
        const shown = keepsNulls ? `coalesce(${member}, 'null')` : member
        return `${quoteLiteral(`${JSON.stringify(field.name)}:`)} || ${shown}`
      })
      return `CASE WHEN ${value} IS NOT NULL THEN '{' || coalesce(${joined(`[${members.join(', ')}]`)}, '') || '}' END`
    }
    case 'array':
      return `('[' || ${joined(`list_transform(${value}, lambda e: coalesce(${writtenJson('e', type.element, site)}, 'null'))`)} || ']')`
    case 'map': {
      const entry = `CAST(to_json(${keyText('(e)."key"', type.key, site)}) AS VARCHAR) || ':' || coalesce(${writtenJson('(e)."value"', type.value, site)}, 'null')`
      return `('{' || ${joined(`list_transform(map_entries(${value}), lambda e: ${entry})`)} || '}')`
    }
    case 'string':
      return `CASE WHEN ${value} IS NOT NULL THEN CAST(to_json(${value}) AS VARCHAR) END`
    case 'double':
    case 'float': {
      const text = cast(value, type, stringType)
      return `CASE WHEN isfinite(${value}) THEN ${text} ELSE ${quoted(text)} END`
    }
    case 'timestamp':
      return quoted(
        printedTime(toWallClock(value), options.get('timestampformat') ?? "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"),
      )
    case 'timestamp_ntz':
      return quoted(printedTime(value, options.get('timestampntzformat') ?? "yyyy-MM-dd'T'HH:mm:ss.SSS"))
    case 'date':
      return quoted(printedTime(value, options.get('dateformat') ?? 'yyyy-MM-dd'))
    case 'binary':
      return quoted(`to_base64(${value})`)
    // With a digit before the point, which the engine leaves out.
    case 'decimal':
      return cast(value, type, stringType)
    case 'interval':
      return quoted(cast(value, type, stringType))
    case 'void':
      return 'CAST(NULL AS VARCHAR)'
    default:
      return `CAST(${value} AS VARCHAR)`
  }
}

const joined = (list: string): string => `array_to_string(CAST(${list} AS VARCHAR[]), ',')`

/** Structs as keys are written `[1,a]`, times by their distance from 1970. */
function keyText(key: string, type: DataType, { cast }: JsonSite): string {
  if (type.kind === 'date') return `CAST(${key} - DATE '1970-01-01' AS VARCHAR)`
  if (type.kind === 'timestamp' || type.kind === 'timestamp_ntz') return `CAST(epoch_us(${key}) AS VARCHAR)`
  if (type.kind !== 'struct') return cast(key, type, stringType)
  const members = type.fields.map(
    (field) =>
      `coalesce(${cast(`struct_extract(${key}, ${quoteLiteral(field.name)})`, field.type, stringType)}, 'null')`,
  )
  return `('[' || ${members.join(" || ',' || ")} || ']')`
}
