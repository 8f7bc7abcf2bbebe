import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { isNumberText } from '#base/number-text.ts'
import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import { stringType, type DataType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { isIntegral } from '#types/implicit-cast.ts'
import { parseSparkType } from '#types/spark-ddl.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { stringOf } from '../bind/build.ts'
import { readTime } from './date-time-read.ts'
import { on, rewritten, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'
import { onceEach } from './once-each.ts'

type Options = ReadonlyMap<string, string>

const known = ['sep', 'delimiter', 'dateformat', 'timestampformat', 'timestampntzformat']

/** Lines of CSV as structs. */
export const csvReadFunctions: readonly FunctionEntry[] = [
  {
    ...scalar(
      'from_csv',
      on(
        ['string', 'string', 'any'],
        (_types, [, schema]) => parseSparkType(constantText(schema)),
        ({ values: [line = ''], type, arguments: [, , options], cast }: PrintedCall) =>
          structOf(line, type, csvOptions(options), cast),
        { optional: 1 },
      ),
    ),
    remarks: 'Of the options, `sep`, `dateFormat`, `timestampFormat` and `timestampNTZFormat` are read.',
  },
  {
    ...scalar(
      'schema_of_csv',
      rewritten(
        ['string', 'any'],
        ([line, options]) => stringOf(schemaOf(constantText(line), separatorOf(csvOptions(options)))),
        { optional: 1 },
      ),
    ),
    remarks: 'Of a constant.',
  },
]

function structOf(line: string, type: DataType, options: Options, cast: PrintedCall['cast']): string {
  if (type.kind !== 'struct') {
    throw new AppError('query.type', 'from_csv makes structs: its schema names columns.', {
      hint: "Write 'a INT, b STRING'.",
    })
  }
  const cells = `native_csv(${line}, ${quoteLiteral(separatorOf(options))})`
  return onceEach([cells], (cells = '') => {
    const members = type.fields.map(({ name, type: own }, index) => {
      const value = cellAs(`${cells}[${index + 1}]`, own, options, cast)
      return `${quoteIdentifier(name)} := ${value}`
    })
    return `CASE WHEN ${cells} IS NOT NULL THEN struct_pack(${members.join(', ')}) END`
  })
}

/** What does not fit is NULL. */
function cellAs(cell: string, type: DataType, options: Options, cast: PrintedCall['cast']): string {
  switch (type.kind) {
    case 'date':
    case 'timestamp':
    case 'timestamp_ntz': {
      const pattern = options.get(`${type.kind.replaceAll('_', '')}format`)
      return pattern === undefined
        ? cast(cell, stringType, type)
        : cast(readTime(cell, pattern), { kind: 'timestamp' }, type)
    }
    case 'array':
    case 'map':
    case 'struct':
      throw new AppError('query.type', 'A line of CSV has no arrays, maps and structs.')
    case 'string':
      return cell
    case 'boolean':
      return `CASE lower(${cell}) WHEN 'true' THEN true WHEN 'false' THEN false END`
    default:
      // Digits alone are a whole number.
      return isIntegral(type)
        ? `CASE WHEN regexp_full_match(${cell}, '[+-]?[0-9]+') THEN TRY_CAST(${cell} AS ${duckdbType(type)}) END`
        : cast(cell, stringType, type)
  }
}

/** @throws AppError 'query.unsupported' for those that would be ignored */
function csvOptions(value: BoundExpression | undefined): Options {
  const parts = value?.kind === 'call' && value.entry.names[0] === 'map' ? value.arguments : []
  const options = new Map<string, string>()
  for (let index = 0; index + 1 < parts.length; index += 2) {
    const name = constantText(parts[index])
    if (!known.includes(name.toLowerCase())) {
      throw new AppError('query.unsupported', `The CSV option ${name} is not supported.`, {
        hint: 'sep, dateFormat, timestampFormat and timestampNTZFormat are.',
      })
    }
    options.set(name.toLowerCase(), constantText(parts[index + 1]))
  }
  return options
}

function separatorOf(options: Options): string {
  const separator = options.get('sep') ?? options.get('delimiter') ?? ','
  if (separator !== '') return separator
  throw new AppError('query.type', 'The separator of CSV has one character or more.')
}

/** @throws AppError 'query.type' for what is no constant */
function constantText(value: BoundExpression | undefined): string {
  const text = must(value, 'an argument that the signature requires')
  if (text.kind === 'literal' && text.value !== null) return String(text.value)
  throw new AppError('query.type', 'Lines, schemas and options of CSV are constants here.', {
    hint: "Write the text itself: 'a INT, b STRING'.",
  })
}

function schemaOf(line: string, separator: string): string {
  const cells = line.split(separator).map((cell) => cell.replace(/^"(.*)"$/s, '$1'))
  return `STRUCT<${cells.map((cell, index) => `_c${index}: ${nameOf(cell)}`).join(', ')}>`
}

/** The narrowest type that reads the cell. */
function nameOf(cell: string): string {
  if (/^[+-]?\d+$/.test(cell)) {
    const value = BigInt(cell)
    if (BigInt.asIntN(32, value) === value) return 'INT'
    if (BigInt.asIntN(64, value) === value) return 'BIGINT'
    return cell.replace(/^[+-]/, '').length <= 38
      ? `DECIMAL(${cell.replace(/^[+-]/, '').length},0)`
      : 'DOUBLE'
  }
  if (isNumberText(cell) || /^(?:NaN|[+-]?Infinity|[+-]?Inf)$/.test(cell)) return 'DOUBLE'
  if (/^\d{4}-\d\d-\d\d$/.test(cell)) return 'DATE'
  if (/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/.test(cell)) return 'TIMESTAMP'
  return /^(?:true|false)$/i.test(cell) ? 'BOOLEAN' : 'STRING'
}
