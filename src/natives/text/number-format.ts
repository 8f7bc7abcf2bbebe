import { native, remembering, type NativeFunction } from '../native.ts'
import {
  digitsOf,
  exactDigitsOf,
  grouped,
  roundedTo,
  wholeAndFraction,
  type DecimalDigits,
} from './decimal-digits.ts'

/** Numbers written by a pattern of Java's, such as `#,##0.00`. */
export const numberFormatFunctions: readonly NativeFunction[] = [
  native('native_double_format', ['double', 'text'], 'text', (value, pattern) => {
    if (Number.isNaN(value)) return 'NaN'
    if (Number.isFinite(value)) return written(exactDigitsOf(value), pattern)
    const form = formOf(pattern)
    return value > 0 ? `${form.prefix}∞${form.suffix}` : `${form.negative[0]}∞${form.negative[1]}`
  }),
  native('native_decimal_format', ['text', 'text'], 'text', (value, pattern) =>
    written(digitsOf(value), pattern),
  ),
]

interface Form {
  readonly prefix: string
  readonly suffix: string
  /** What stands around negative numbers. */
  readonly negative: readonly [string, string]
  readonly groupSize: number
  readonly wholeMin: number
  readonly wholeMax: number
  readonly fractionMin: number
  readonly fractionMax: number
  /** Digits of the exponent at least; undefined without one. */
  readonly exponentMin: number | undefined
  /** By which power of ten the number is raised: 2 for per cent. */
  readonly power: number
}

/**
 * @see https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/text/DecimalFormat.html
 * @throws Error for what is no pattern
 */
const formOf = remembering((pattern: string): Form => {
  const shape =
    /^((?:'[^']*'|[^#0,.;'E])*)([#0,]*)(?:\.([#0]*))?(?:E(0+))?((?:'[^']*'|[^#0,.;'])*)(?:;(.*))?$/s
  const [all, before = '', whole = '', fraction, exponent, behind = '', negative] = shape.exec(pattern) ?? []
  if (all === undefined || !/^#*0*$/.test(whole.replaceAll(',', '')) || !/^0*#*$/.test(fraction ?? ''))
    throw new Error(`${JSON.stringify(pattern)} is no pattern of numbers.`)
  const marks = whole.replaceAll(',', '')
  const zeros = marks.replaceAll('#', '').length
  const behindPoint = fraction ?? ''
  // `#.##` has a digit before its point, and `.##` one behind it.
  const lacksZeros =
    zeros === 0 && fraction !== undefined && !behindPoint.includes('0') && marks + behindPoint !== ''
  const wholeMin = lacksZeros && marks !== '' ? 1 : zeros
  const fractionMin = lacksZeros && marks === '' ? 1 : behindPoint.replaceAll('#', '').length
  const unquoted = (text: string): string =>
    text.replaceAll(/'([^']*)'/g, (_all, inner: string) => (inner === '' ? "'" : inner))
  const [prefix, suffix] = [unquoted(before), unquoted(behind)]
  const other = negative === undefined ? undefined : /^([^#0,.]*)[#0,.]*(.*)$/s.exec(negative)
  const comma = whole.lastIndexOf(',')
  return {
    prefix,
    suffix,
    negative: other ? [unquoted(other[1] ?? ''), unquoted(other[2] ?? '')] : [`-${prefix}`, suffix],
    groupSize: comma < 0 ? 0 : whole.length - comma - 1,
    wholeMin,
    wholeMax: marks.length,
    fractionMin,
    fractionMax: behindPoint.length,
    exponentMin: exponent?.length,
    power: /%/.test(before + behind) ? 2 : /‰/.test(before + behind) ? 3 : 0,
  }
})

function written(given: DecimalDigits, pattern: string): string {
  const form = formOf(pattern)
  const number = { ...given, point: given.point + form.power }
  const body =
    form.exponentMin === undefined ? plain(number, form) : scientific(number, form, form.exponentMin)
  return given.isNegative
    ? `${form.negative[0]}${body}${form.negative[1]}`
    : `${form.prefix}${body}${form.suffix}`
}

function plain(number: DecimalDigits, form: Form): string {
  const [whole, fraction] = wholeAndFraction(roundedTo(number, form.fractionMax, 'even'))
  return body(whole, fraction, form)
}

function body(whole: string, fraction: string, { groupSize, wholeMin, fractionMin }: Form): string {
  const digits = fraction.replace(/0+$/, '').padEnd(fractionMin, '0')
  const filled = whole.padStart(digits === '' ? Math.max(wholeMin, 1) : wholeMin, '0')
  return `${grouped(filled, groupSize)}${digits === '' ? '' : `.${digits}`}`
}

function scientific(number: DecimalDigits, form: Form, exponentMin: number): string {
  const step = form.wholeMax > form.wholeMin && form.wholeMax > 1 ? form.wholeMax : undefined
  const raise = (point: number): number =>
    step === undefined ? point - Math.max(form.wholeMin, 1) : Math.floor((point - 1) / step) * step
  const places = (power: number): number =>
    step === undefined ? form.fractionMax : form.wholeMin + form.fractionMax - (number.point - power)
  const isZero = number.digits === ''
  const first = isZero ? 0 : raise(number.point)
  const rounded = roundedTo({ ...number, point: number.point - first }, places(first), 'even')
  const power = isZero ? 0 : raise(rounded.point + first)
  const [whole, fraction] = wholeAndFraction({ ...rounded, point: rounded.point + first - power })
  const exponent = `${power < 0 ? '-' : ''}${String(Math.abs(power)).padStart(exponentMin, '0')}`
  return `${body(whole, fraction, { ...form, groupSize: 0 })}E${exponent}`
}
