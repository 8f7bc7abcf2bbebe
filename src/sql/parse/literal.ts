import { AppError, type TextPosition } from '#base/errors.ts'
import {
  binaryType,
  byteType,
  decimalType,
  doubleType,
  floatType,
  integerType,
  longType,
  shortType,
} from '#types/data-type.ts'
import { tokenText } from '../scan/token.ts'
import type { Expression } from './expression-syntax.ts'
import type { TokenReader } from './token-reader.ts'

const longMax = 2n ** 63n - 1n

/**
 * The value of a number as written: whole ones are int, else bigint, else decimal; with a point decimal; with an
 * exponent double; a suffix says the type.
 */
export function numberLiteral(text: string, at: TextPosition): Expression {
  const [, digits = '', suffix = ''] = /^(.*?)(BD|[LDFSY])?$/i.exec(text) ?? []
  const literal = { kind: 'literal', text, at } as const
  switch (suffix.toUpperCase()) {
    case 'L':
      return { ...literal, type: longType, value: wholeNumber(digits, longMax, at) }
    case 'S':
      return { ...literal, type: shortType, value: Number(wholeNumber(digits, 32767n, at)) }
    case 'Y':
      return { ...literal, type: byteType, value: Number(wholeNumber(digits, 127n, at)) }
    case 'D':
      return { ...literal, type: doubleType, value: Number(digits) }
    case 'F':
      return { ...literal, type: floatType, value: Math.fround(Number(digits)) }
    case 'BD':
      return decimalLiteral(withoutExponent(digits), text, at)
    default:
      if (/e/i.test(digits)) return { ...literal, type: doubleType, value: Number(digits) }
      if (digits.includes('.')) return decimalLiteral(digits, text, at)
      return wholeLiteral(digits, text, at)
  }
}

function wholeLiteral(digits: string, text: string, at: TextPosition): Expression {
  const value = BigInt(digits)
  if (value <= 2n ** 31n - 1n) return { kind: 'literal', type: integerType, value: Number(value), text, at }
  if (value <= longMax) return { kind: 'literal', type: longType, value, text, at }
  return decimalLiteral(digits, text, at)
}

function decimalLiteral(digits: string, text: string, at: TextPosition): Expression {
  const [whole = '', fraction = ''] = digits.split('.')
  const significant = whole.replace(/^0+/, '')
  const precision = Math.max(1, significant.length + fraction.length)
  if (precision > 38) {
    throw new AppError('query.syntax', `The number ${text} has more than 38 digits.`, { position: at })
  }
  const value = `${significant === '' ? '0' : significant}${fraction === '' ? '' : `.${fraction}`}`
  return { kind: 'literal', type: decimalType(precision, fraction.length), value, text, at }
}

/** `1.5e-3` is `0.0015`. */
function withoutExponent(digits: string): string {
  const [mantissa = '', power] = digits.toLowerCase().split('e')
  if (power === undefined) return mantissa
  const [whole = '', fraction = ''] = mantissa.split('.')
  const places = fraction.length - Number(power)
  // More than a decimal has anyway.
  if (Math.abs(places) > 100) return '9'.repeat(100)
  const all =
    places > 0 ? `${whole}${fraction}`.padStart(places + 1, '0') : `${whole}${fraction}${'0'.repeat(-places)}`
  return places > 0 ? `${all.slice(0, -places)}.${all.slice(-places)}` : all
}

function wholeNumber(digits: string, maximum: bigint, at: TextPosition): bigint {
  if (!/^\d+$/.test(digits) || BigInt(digits) > maximum) {
    throw new AppError('query.syntax', `${digits} is not a whole number up to ${maximum}.`, { position: at })
  }
  return BigInt(digits)
}

/** `X'1F'`: bytes as hex digits. */
export function binaryLiteral(reader: TokenReader): Expression {
  const at = reader.at
  const text = tokenText(reader.next()).slice(1, -1)
  if (!/^[0-9a-f]*$/i.test(text)) {
    throw new AppError('query.syntax', `X'${text}' has a sign that is no hex digit.`, { position: at })
  }
  return { kind: 'literal', type: binaryType, value: text.length % 2 === 0 ? text : `0${text}`, text, at }
}
