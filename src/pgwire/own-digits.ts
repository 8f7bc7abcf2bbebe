import { AppError } from '#base/errors.ts'
import type { Literal } from '#query/query.ts'
import { decimalType } from '#types/data-type.ts'

const digitsMax = 38

/**
 * A numeric with as many digits as it was written with, in place of those of the type that stood for it while nobody
 * knew its value; in an array those that each element needs.
 * @throws AppError 'query.value' above 38 digits
 */
export function withOwnDigits(literal: Literal): Literal {
  const { type, elements } = literal
  if (type.kind === 'decimal' && typeof literal.value === 'string') {
    const value = plain(literal.value)
    return { type: typeFor([value]), value }
  }
  if (type.kind !== 'array' || type.element.kind !== 'decimal' || !elements) return literal
  const own = elements.map(withOwnDigits)
  const element = typeFor(own.flatMap(({ value }) => (typeof value === 'string' ? [value] : [])))
  return { ...literal, type: { ...type, element }, elements: own.map((one) => ({ ...one, type: element })) }
}

/** The least decimal that holds them all. */
function typeFor(values: readonly string[]) {
  let [whole, scale] = [0, 0]
  for (const value of values) {
    const [before = '', after = ''] = value.replace(/^-/, '').split('.')
    whole = Math.max(whole, before === '0' ? 0 : before.length)
    scale = Math.max(scale, after.length)
  }
  if (whole + scale <= digitsMax) return decimalType(Math.max(1, whole + scale), scale)
  throw new AppError(
    'query.value',
    `A numeric has at most ${digitsMax} digits here, ${whole + scale} came.`,
    {
      hint: 'Send it as a double or as text.',
    },
  )
}

const exponentMax = 100

/** Without exponent, plus sign, or zeros that lead. */
function plain(text: string): string {
  const [, sign = '', before = '', after = '', power = '0'] =
    /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text) ?? []
  const shift = Math.max(-exponentMax, Math.min(exponentMax, Number(power)))
  const digits = before + after
  const point = before.length + shift
  const padded = point < 0 ? '0'.repeat(-point) + digits : digits.padEnd(point, '0')
  const at = Math.max(0, point)
  const whole = padded.slice(0, at).replace(/^0+/, '') || '0'
  const fraction = padded.slice(at)
  return `${sign === '-' ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`
}
