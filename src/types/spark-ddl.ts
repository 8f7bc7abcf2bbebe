import { AppError } from '#base/errors.ts'
import {
  arrayType,
  binaryType,
  booleanType,
  byteType,
  dateType,
  decimalType,
  doubleType,
  floatType,
  integerType,
  intervalType,
  longType,
  mapType,
  shortType,
  stringType,
  sparkName,
  structType,
  timestampNtzType,
  timestampType,
  voidType,
  type DataType,
  type Field,
  type IntervalUnit,
} from './data-type.ts'
import { intervalUnits, spanOf } from './intervals.ts'

/** Where the parts of a type's text come from: an SQL statement's tokens or a text of its own. */
export interface TypeSource {
  /** The part here: a word, a number or a symbol; undefined at the end. */
  readonly part: string | undefined
  /** Whether the part is a quoted name, which is never a keyword or a symbol. */
  readonly isQuoted: boolean
  advance(): void
  fail(message: string): AppError
}

const simple: Readonly<Record<string, DataType>> = {
  boolean: booleanType,
  bool: booleanType,
  byte: byteType,
  tinyint: byteType,
  short: shortType,
  smallint: shortType,
  int2: shortType,
  int: integerType,
  integer: integerType,
  int4: integerType,
  bigint: longType,
  long: longType,
  int8: longType,
  real: floatType,
  float4: floatType,
  double: doubleType,
  float8: doubleType,
  string: stringType,
  text: stringType,
  bpchar: stringType,
  varchar: stringType,
  char: stringType,
  character: stringType,
  binary: binaryType,
  bytea: binaryType,
  date: dateType,
  datetime: timestampType,
  timestamp_ltz: timestampType,
  timestamp_ntz: timestampNtzType,
  uuid: stringType,
  void: voidType,
}

/** A type as `parseSparkType` reads it again, whatever its fields are called; where names are plain as `sparkName` has it. */
export function sparkDdl(type: DataType): string {
  switch (type.kind) {
    case 'array':
      return `array<${sparkDdl(type.element)}>`
    case 'map':
      return `map<${sparkDdl(type.key)},${sparkDdl(type.value)}>`
    case 'struct':
      return `struct<${type.fields.map((field) => `${fieldName(field.name)}:${sparkDdl(field.type)}`).join(',')}>`
    default:
      return sparkName(type)
  }
}

function fieldName(name: string): string {
  return /^[\p{L}\p{N}_]+$/u.test(name) ? name : `\`${name.replaceAll('`', '``')}\``
}

/** Deeper text is a mistake or an attack on the stack. */
const depthMax = 100

/**
 * Reads a type as Spark's DDL writes it: `bigint`, `decimal(10,2)`, `array<…>`, `map<k, v>`, `struct<a: int, b string>`;
 * PostgreSQL's names of simple types are understood too.
 */
export function readType(source: TypeSource, depth = 0): DataType {
  if (depth > depthMax) throw source.fail(`A type is nested more than ${depthMax} levels deep.`)
  const name = takePart(source, 'the name of a type').toLowerCase()
  switch (name) {
    case 'decimal':
    case 'numeric':
    case 'dec':
      return readDecimal(source)
    case 'interval':
      return readInterval(source)
    case 'array':
      return readInBrackets(source, () => arrayType(readType(source, depth + 1)))
    case 'map':
      return readInBrackets(source, () => {
        const key = readType(source, depth + 1)
        expectPart(source, ',')
        return mapType(key, readType(source, depth + 1))
      })
    case 'struct':
    case 'row':
      return readStruct(source, depth + 1)
    case 'double':
      if (source.part?.toLowerCase() === 'precision') source.advance()
      return doubleType
    case 'varchar':
    case 'char':
    case 'character':
      if (source.part?.toLowerCase() === 'varying') source.advance()
      readSize(source)
      return stringType
    case 'float':
      return readFloat(source)
    case 'timestamp':
      readTimeDigits(source)
      return readTimestamp(source)
    case 'timestamptz':
      readTimeDigits(source)
      return timestampType
    default: {
      const type = simple[name]
      if (!type) throw source.fail(`There is no type ${JSON.stringify(name)}.`)
      return type
    }
  }
}

/**
 * Reads a type or a table's columns (`a int, b string`) from text of its own.
 * @throws AppError 'query.syntax'
 */
export function parseSparkType(text: string): DataType {
  const source = textSource(text)
  const isInterval = /^\s*interval\s+(?:year|month|day|hour|minute|second)(?:\s+to\s+\w+)?\s*$/i.test(text)
  const isColumns = !isInterval && /^\s*(?:`[^`]+`|[\p{L}_][\p{L}\p{N}_]*)\s*(?::|\s)\s*[\p{L}]/u.test(text)
  const type = isColumns ? structType(readFields(source, undefined, 0)) : readType(source)
  if (source.part !== undefined) throw source.fail(`Expected the end of the type, but found ${source.part}.`)
  return type
}

/** By itself Spark's, of 32 bits; behind it SQL says how many of them are digits, as pandas does. */
function readFloat(source: TypeSource): DataType {
  const digits = readSize(source)
  if (digits === undefined || (digits >= 1 && digits <= 24)) return floatType
  if (digits >= 25 && digits <= 53) return doubleType
  throw source.fail(`float(${digits}) is no type: from 1 to 53 digits in base 2 were expected.`)
}

/** `timestamp(6)`: they have that many anyway. */
function readTimeDigits(source: TypeSource): void {
  const digits = readSize(source)
  if (digits === undefined || digits === 6) return
  throw source.fail(`A timestamp has 6 digits behind the second, not ${digits}.`)
}

function readSize(source: TypeSource): number | undefined {
  if (source.part !== '(' || source.isQuoted) return undefined
  source.advance()
  const size = readNumber(source)
  expectPart(source, ')')
  return size
}

/** By itself Spark's; how PostgreSQL's clients write theirs, `with time zone` or `without`, is understood. */
function readTimestamp(source: TypeSource): DataType {
  const zone = source.part?.toLowerCase()
  if (source.isQuoted || (zone !== 'with' && zone !== 'without')) return timestampType
  source.advance()
  expectPart(source, 'time')
  expectPart(source, 'zone')
  return zone === 'with' ? timestampType : timestampNtzType
}

/** `interval`, `interval day`, `interval day to second`. */
function readInterval(source: TypeSource): DataType {
  const from = takeUnit(source)
  if (!from) return intervalType
  if (source.part?.toLowerCase() !== 'to') return spanOf([from])
  source.advance()
  const to = takeUnit(source)
  const type = to && spanOf([from, to])
  if (!type?.span || type.span[0] !== from) throw source.fail(`There is no interval from ${from} to that.`)
  return type
}

function takeUnit(source: TypeSource): IntervalUnit | undefined {
  const unit = source.isQuoted ? undefined : intervalUnits.find((unit) => unit === source.part?.toLowerCase())
  if (unit) source.advance()
  return unit
}

function readDecimal(source: TypeSource): DataType {
  if (source.part !== '(' || source.isQuoted) return decimalType(10, 0)
  source.advance()
  const precision = readNumber(source)
  let scale = 0
  if ((source.part as string) === ',') {
    source.advance()
    scale = readNumber(source)
  }
  expectPart(source, ')')
  if (precision < 1 || precision > 38 || scale > precision) {
    throw source.fail(
      `decimal(${precision},${scale}) is no type: at most 38 digits, and no more after the point.`,
    )
  }
  return decimalType(precision, scale)
}

function readStruct(source: TypeSource, depth: number): DataType {
  if (source.part === '<>') {
    source.advance()
    return structType([])
  }
  const close = source.part === '(' ? ')' : '>'
  expectPart(source, close === ')' ? '(' : '<')
  const fields = readFields(source, close, depth)
  expectPart(source, close)
  return structType(fields)
}

function readFields(source: TypeSource, close: string | undefined, depth: number): Field[] {
  const fields: Field[] = []
  while (source.part !== close) {
    const name = takePart(source, 'the name of a field')
    if (source.part === ':' && !source.isQuoted) source.advance()
    fields.push({ name, type: readType(source, depth) })
    if (source.part?.toLowerCase() === 'not') {
      source.advance()
      expectPart(source, 'null')
    }
    if (source.part?.toLowerCase() === 'comment') {
      source.advance()
      source.advance()
    }
    if (source.part !== ',') break
    source.advance()
  }
  return fields
}

function readInBrackets(source: TypeSource, content: () => DataType): DataType {
  const close = source.part === '(' ? ')' : '>'
  expectPart(source, close === ')' ? '(' : '<')
  const type = content()
  expectPart(source, close)
  return type
}

function readNumber(source: TypeSource): number {
  const text = takePart(source, 'a number')
  if (!/^\d{1,4}$/.test(text)) throw source.fail(`Expected a number, but found ${text}.`)
  return Number(text)
}

function expectPart(source: TypeSource, part: string): void {
  if (source.isQuoted || source.part?.toLowerCase() !== part) {
    throw source.fail(`Expected ${part} in the type, but found ${source.part ?? 'its end'}.`)
  }
  source.advance()
}

function takePart(source: TypeSource, what: string): string {
  const part = source.part
  if (part === undefined) throw source.fail(`Expected ${what}, but the type ends here.`)
  source.advance()
  return part
}

function textSource(text: string): TypeSource {
  const parts = [...text.matchAll(/`((?:[^`]|``)+)`|'[^']*'|[\p{L}\p{N}_]+|<>|\S/gu)]
  let index = 0
  return {
    get part() {
      return parts[index]?.[1]?.replaceAll('``', '`') ?? parts[index]?.[0]
    },
    get isQuoted() {
      return parts[index]?.[1] !== undefined
    },
    advance() {
      index++
    },
    fail: (message) => new AppError('query.syntax', `${message} (in the type ${JSON.stringify(text)})`),
  }
}
