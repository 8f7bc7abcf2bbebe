import { native, remembering, type NativeFunction } from '../native.ts'
import { type DecimalDigits, digitsOf, grouped, roundedTo, wholeAndFraction } from './decimal-digits.ts'

/** `printf` as Java has it. Values come as texts with their kind before them: `i32:5 d:1.5 m:1.50 b:true s:text`. */
export const formatterFunctions: readonly NativeFunction[] = [
  native('native_format', ['text', 'texts'], 'text', (format, values) => {
    let ordinary = 0
    let last = -1
    return partsOf(format)
      .map((part) => {
        if (typeof part === 'string') return part
        const place =
          part.index === '<' ? last : part.index === '' ? ordinary++ : Number(part.index.slice(0, -1)) - 1
        last = place
        const value = values[place]
        if (value === undefined) throw new Error(`${part.text} of the format has no value.`)
        return widened(shown(part, value), part)
      })
      .join('')
  }),
]

interface Sign {
  readonly text: string
  /** `2$` the second value, `<` the same again, else the next. */
  readonly index: string
  readonly flags: string
  readonly width: number
  readonly precision: number | undefined
  /** Lower case. */
  readonly letter: string
  readonly isUpper: boolean
}

/**
 * @see https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/util/Formatter.html
 * @throws Error for what is no format
 */
const partsOf = remembering((format: string): readonly (string | Sign)[] =>
  [...format.matchAll(/%(\d+\$|<)?([-#+ 0,(]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])|[^%]+|%/g)].map((match) => {
    const [text, index = '', flags = '', width = '0', precision, letter] = match
    if (text === '%') throw new Error('A % in the format has no letter behind it.')
    if (letter === undefined) return text
    if (letter === '%') return '%'.padStart(Number(width))
    if (letter === 'n') return '\n'
    const lower = letter.toLowerCase()
    const isUpper = letter !== lower
    if (!'bscdoxefga'.includes(lower) || (isUpper && 'dof'.includes(lower)))
      throw new Error(`${text} of the format is not known.`)
    return {
      text,
      index,
      flags,
      width: Number(width),
      precision: precision === undefined ? undefined : Number(precision),
      letter: lower,
      isUpper,
    }
  }),
)

function widened(text: string, { flags, width, isUpper }: Sign): string {
  const said = isUpper ? text.toUpperCase() : text
  return flags.includes('-') ? said.padEnd(width) : said.padStart(width)
}

function shown(sign: Sign, given: string | null): string {
  const { letter, precision } = sign
  const [, kind = '', text = ''] = given === null ? [] : (/^([a-z0-9]+):(.*)$/s.exec(given) ?? [])
  const wrong = (): Error => new Error(`${sign.text} of the format does not fit its value ${text}.`)
  const cut = (said: string): string => (precision === undefined ? said : said.slice(0, precision))
  if (letter === 'b') return cut(given === null ? 'false' : kind === 'b' ? text : 'true')
  if (given === null) return cut('null')
  const isWhole = kind.startsWith('i')
  switch (letter) {
    case 's':
      return cut(text)
    case 'c':
      if (!isWhole) throw wrong()
      return String.fromCodePoint(Number(text))
    case 'd':
      if (!isWhole) throw wrong()
      return signed(text.replace('-', ''), text.startsWith('-'), sign)
    case 'o':
    case 'x': {
      if (!isWhole) throw wrong()
      const digits = BigInt.asUintN(Number(kind.slice(1)), BigInt(text)).toString(letter === 'x' ? 16 : 8)
      const prefix = sign.flags.includes('#') ? (letter === 'x' ? '0x' : '0') : ''
      return prefix + (sign.flags.includes('0') ? digits.padStart(sign.width - prefix.length, '0') : digits)
    }
    default:
      if (kind !== 'd' && kind !== 'm') throw wrong()
      return fractional(sign, text)
  }
}

function fractional(sign: Sign, text: string): string {
  if (/^-?(?:NaN|Infinity)$/.test(text))
    return signed(text.replace('-', ''), text.startsWith('-'), {
      ...sign,
      flags: sign.flags.replaceAll(/[0,]/g, ''),
    })
  if (sign.letter === 'a') return hexadecimal(Number(text))
  const number = digitsOf(text)
  const precision = sign.precision ?? 6
  if (sign.letter !== 'g') {
    const body = sign.letter === 'f' ? fixed(number, precision) : scientific(number, precision)
    return signed(body, number.isNegative, sign)
  }
  const wanted = precision === 0 ? 1 : precision
  const rounded = roundedTo(number, wanted - number.point, 'up')
  const isFixed = rounded.digits === '' || (rounded.point > -4 && rounded.point <= wanted)
  const body = isFixed
    ? fixed(number, rounded.digits === '' ? wanted - 1 : wanted - rounded.point)
    : scientific(number, wanted - 1)
  return signed(body, number.isNegative, sign)
}

/** A double in powers of two: `0x1.8p1` is 3. */
function hexadecimal(value: number): string {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, value)
  const high = bits.getUint32(0)
  const power = (high >>> 20) & 0x7ff
  const digits =
    (high & 0xfffff).toString(16).padStart(5, '0') + bits.getUint32(4).toString(16).padStart(8, '0')
  const fraction = digits.replace(/0+$/, '') || '0'
  const isSmall = power === 0
  const exponent = isSmall ? (value === 0 ? 0 : -1022) : power - 1023
  return `${high >>> 31 === 1 ? '-' : ''}0x${isSmall ? 0 : 1}.${fraction}p${exponent}`
}

function fixed(number: DecimalDigits, places: number): string {
  const [whole, fraction] = wholeAndFraction(roundedTo(number, places, 'up'))
  return `${whole === '' ? '0' : whole}${places === 0 ? '' : `.${fraction.padEnd(places, '0')}`}`
}

function scientific(number: DecimalDigits, places: number): string {
  const rounded = roundedTo(number, places + 1 - number.point, 'up')
  const power = rounded.digits === '' ? 0 : rounded.point - 1
  const digits = rounded.digits.padEnd(places + 1, '0')
  const mantissa = `${digits.charAt(0)}${places === 0 ? '' : `.${digits.slice(1, places + 1)}`}`
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

/** Digits with commas, zeros and sign as the flags want them. */
function signed(body: string, isNegative: boolean, { flags, width }: Sign): string {
  const [whole = '', ...rest] = body.split(/(?=[.e])/)
  const parted = [flags.includes(',') ? grouped(whole, 3) : whole, ...rest].join('')
  const isBracketed = isNegative && flags.includes('(')
  const before = isBracketed
    ? '('
    : isNegative
      ? '-'
      : flags.includes('+')
        ? '+'
        : flags.includes(' ')
          ? ' '
          : ''
  const behind = isBracketed ? ')' : ''
  const filled = flags.includes('0') ? parted.padStart(width - before.length - behind.length, '0') : parted
  return before + filled + behind
}
