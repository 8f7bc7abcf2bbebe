import { AppError } from '#base/errors.ts'
import type { IntervalUnit } from '#types/data-type.ts'
import { spanOf } from '#types/intervals.ts'
import type { Expression } from './expression-syntax.ts'
import type { TokenReader } from './token-reader.ts'

const second = 1_000_000n
const units: Readonly<
  Record<string, { readonly months?: number; readonly days?: number; readonly micros?: bigint }>
> = {
  year: { months: 12 },
  quarter: { months: 3 },
  month: { months: 1 },
  week: { days: 7 },
  day: { days: 1 },
  hour: { micros: 3600n * second },
  minute: { micros: 60n * second },
  second: { micros: second },
  millisecond: { micros: 1000n },
  microsecond: { micros: 1n },
}

/**
 * Behind the word INTERVAL: `1 day`, `'1' day`, `'1 day 2 hours'`, `2 days 3 hours`, `'1-2' year to month`,
 * `'1 02:03:04.5' day to second`.
 */
export function parseInterval(reader: TokenReader): Expression {
  const at = reader.at
  const parts: string[] = []
  const isNegative = reader.isSymbol('-') && reader.peek(1).kind === 'string'
  if (isNegative) reader.next()
  const first = reader.next()
  if (first.kind === 'string') {
    const body = isNegative ? `-${first.text}`.replace(/^--/, '') : first.text
    const unit = isUnit(reader.current) ? [textOf(reader.next())] : []
    const isSpread = unit.length > 0 && reader.takeWord('TO')
    parts.push(...(isSpread ? spread(body, unit.join(), textOf(reader.next())) : [body, ...unit]))
  } else {
    reader.rewind(reader.index - 1)
    while (isAmount(reader)) {
      if (reader.takeSymbol('-')) parts.push('-')
      parts.push(textOf(reader.next()), textOf(reader.next()))
    }
  }
  const text = parts.join(' ').replaceAll('- ', '-')
  const amounts = amountsOf(text)
  if (amounts.length === 0) {
    throw new AppError('query.syntax', `${JSON.stringify(text)} is not an interval.`, {
      position: at,
      hint: "Write INTERVAL 2 days, INTERVAL '1' month or INTERVAL '1 day 6 hours'.",
    })
  }
  let [months, days, micros] = [0, 0, 0n]
  for (const { amount, name } of amounts) {
    const unit = units[name.toLowerCase().replace(/s$/, '')]
    if (!unit) throw new AppError('query.syntax', `There is no unit of time ${name}.`, { position: at })
    const whole = Number.isInteger(Number(amount))
    if (!whole && unit.micros === undefined) {
      throw new AppError('query.syntax', `${amount} ${name} is not a whole number of ${name}.`, {
        position: at,
      })
    }
    months += (unit.months ?? 0) * Number(amount)
    days += (unit.days ?? 0) * Number(amount)
    if (unit.micros)
      micros += whole
        ? unit.micros * BigInt(amount)
        : BigInt(Math.round(Number(unit.micros) * Number(amount)))
  }
  const type = spanOf(amounts.map(({ name }) => unitNamed(name)))
  return { kind: 'interval', type, months, days, micros, text, at }
}

const unitsWithin: Readonly<Record<string, IntervalUnit>> = {
  quarter: 'month',
  week: 'day',
  millisecond: 'second',
  microsecond: 'second',
}

/** What Spark counts it among. */
function unitNamed(name: string): IntervalUnit {
  const unit = name.toLowerCase().replace(/s$/, '')
  return unitsWithin[unit] ?? (unit as IntervalUnit)
}

/** `1 day 2 hours`, one after the other: none where something else stands between or behind them. */
function amountsOf(text: string): readonly { readonly amount: string; readonly name: string }[] {
  const next = /\s*([+-]?\d+(?:\.\d+)?)\s*([a-z]+)/iy
  const amounts: { readonly amount: string; readonly name: string }[] = []
  const end = text.trimEnd().length
  while (next.lastIndex < end) {
    const found = next.exec(text)
    if (!found) return []
    const [, amount = '', name = ''] = found
    amounts.push({ amount, name })
  }
  return amounts
}

const spans = [
  ['year', 'month'],
  ['day', 'hour', 'minute', 'second'],
] as const

/** `1 02:03` from day to minute as amounts with their units; what does not fit is returned as it is. */
function spread(text: string, from: string, to: string): readonly string[] {
  const [, sign = '', body = ''] = /^([+-]?)(.*)$/s.exec(text.trim()) ?? []
  const amounts = body.split(/[-\s:]+/)
  const names: readonly string[] =
    spans.find((names) => names.some((name) => name === from.toLowerCase())) ?? []
  const own = names.slice(names.indexOf(from.toLowerCase()), names.indexOf(to.toLowerCase()) + 1)
  if (own.length !== amounts.length) return [text]
  return amounts.flatMap((amount, index) => [`${sign === '-' ? '-' : ''}${amount}`, own[index] ?? ''])
}

function isAmount(reader: TokenReader): boolean {
  const offset = reader.isSymbol('-') ? 1 : 0
  return reader.peek(offset).kind === 'number' && isUnit(reader.peek(offset + 1))
}

function isUnit(token: ReturnType<TokenReader['next']>): boolean {
  return token.kind === 'word' && token.text.toLowerCase().replace(/s$/, '') in units
}

function textOf(token: ReturnType<TokenReader['next']>): string {
  return 'text' in token ? token.text : ''
}
