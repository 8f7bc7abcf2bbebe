import { javaDoubleText } from '#base/java-double.ts'
import type { DataType } from '#types/data-type.ts'
import type { Expression } from '../parse/expression-syntax.ts'

type Literal = Extract<Expression, { kind: 'literal' }>
type Interval = Extract<Expression, { kind: 'interval' }>

/** A constant as Spark writes it: without the suffix that says its type. */
export function literalText({ type, value, text }: Literal): string {
  if (value === null) return 'NULL'
  switch (type.kind) {
    case 'boolean':
      return text.toLowerCase()
    case 'binary':
      return `X'${String(value).toUpperCase()}'`
    case 'double':
      return javaDoubleText(Number(value))
    case 'float':
      return javaDoubleText(Number(/^[^FDfd]+/.exec(text)?.[0]))
    case 'byte':
    case 'short':
    case 'long':
    case 'decimal':
      return String(value)
    default:
      return text
  }
}

/** `DATE '2024-01-05'`: with all its parts, however few were written. */
export function typedText(type: DataType, text: string): string {
  const [, date, clock = '00:00:00', fraction = ''] =
    /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d)(\.\d+)?)?$/.exec(text.trim()) ?? []
  const rest = withoutZeros(fraction)
  const own = date === undefined ? text : type.kind === 'date' ? date : `${date} ${clock}${rest}`
  return `${type.kind.toUpperCase()} '${own}'`
}

/** A fraction; the pattern of zeros at the end would be tried at each of them. */
function withoutZeros(fraction: string): string {
  let end = fraction.length
  while (end > 0 && fraction[end - 1] === '0') end -= 1
  return end > 1 ? fraction.slice(0, end) : ''
}

const second = 1_000_000n
const clockUnits = [
  { name: 'DAY', micros: 86_400n * second, width: 1 },
  { name: 'HOUR', micros: 3600n * second, width: 2 },
  { name: 'MINUTE', micros: 60n * second, width: 2 },
  { name: 'SECOND', micros: second, width: 2 },
] as const

/** With the units from the first to the last that it was written with. */
export function intervalText({ months, days, micros, text }: Interval): string {
  const has = (unit: string) => new RegExp(String.raw`\d\s*${unit}`, 'i').test(text)
  const isOfMonths = months !== 0 || has('year|quarter|month')
  const isOfTime = days !== 0 || micros !== 0n || !isOfMonths
  if (isOfMonths && isOfTime) return `INTERVAL '${text}'`
  return isOfMonths ? monthsText(months, has('year'), has('quarter|month')) : timeText(days, micros, has)
}

function monthsText(months: number, hasYears: boolean, hasMonths: boolean): string {
  if (!hasYears) return `INTERVAL '${months}' MONTH`
  if (!hasMonths) return `INTERVAL '${months / 12}' YEAR`
  const size = Math.abs(months)
  return `INTERVAL '${months < 0 ? '-' : ''}${Math.floor(size / 12)}-${size % 12}' YEAR TO MONTH`
}

function timeText(days: number, micros: bigint, has: (unit: string) => boolean): string {
  const all = BigInt(days) * clockUnits[0].micros + micros
  const written = [has('day|week'), has('hour'), has('minute'), has('second|milli|micro')]
  const units = clockUnits.slice(
    Math.max(0, written.indexOf(true)),
    Math.max(0, written.lastIndexOf(true)) + 1,
  )
  let rest = all < 0n ? -all : all
  const amounts = units.map(({ name, micros: size, width }, index) => {
    const amount = String(rest / size)
    rest %= size
    const fraction = name === 'SECOND' ? secondsFraction(rest) : ''
    const sign = index === 0 ? '' : name === 'HOUR' ? ' ' : ':'
    return `${sign}${amount.padStart(width, '0')}${fraction}`
  })
  const [first, last] = [units[0]?.name, units.at(-1)?.name]
  return `INTERVAL '${all < 0n ? '-' : ''}${amounts.join('')}' ${first === last ? first : `${first} TO ${last}`}`
}

function secondsFraction(micros: bigint): string {
  return micros === 0n ? '' : `.${String(micros).padStart(6, '0').replace(/0+$/, '')}`
}
