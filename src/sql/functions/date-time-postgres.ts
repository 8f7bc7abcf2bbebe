import { AppError } from '#base/errors.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { stringOf } from '../bind/build.ts'

/** Spark refuses each of these in a pattern, so that whoever writes one means PostgreSQL's. */
const onlyPostgres = /YY|[Mm][Ii]|[Mm][Oo][Nn]/

/** What PostgreSQL's parts are in a pattern of Java. */
const numbers: Readonly<Record<string, string>> = {
  YYYY: 'yyyy',
  YY: 'yy',
  MM: 'MM',
  DDD: 'DDD',
  DD: 'dd',
  HH24: 'HH',
  HH12: 'hh',
  HH: 'hh',
  MI: 'mm',
  SS: 'ss',
  MS: 'SSS',
  US: 'SSSSSS',
  Q: 'Q',
}

/** Written as they are here; PostgreSQL writes `MON` as `JAN`, for which Java has no part. */
const words: Readonly<Record<string, string>> = {
  Month: 'MMMM',
  Mon: 'MMM',
  Day: 'EEEE',
  Dy: 'EEE',
  AM: 'a',
  PM: 'a',
}

/**
 * A constant pattern of PostgreSQL as one of Java, any other as it is.
 * @param isWritten `Month` and `Day` alone would be followed by blanks up to nine characters
 * @throws AppError 'query.unsupported' for parts that Java has not
 */
export function javaPattern(
  pattern: BoundExpression,
  { isWritten }: { readonly isWritten: boolean },
): BoundExpression {
  if (pattern.kind !== 'literal' || typeof pattern.value !== 'string') return pattern
  const text = pattern.value
  if (!onlyPostgres.test(text)) return pattern
  const part =
    /"([^"]*)"|(FM)?(YYYY|YY|Month|MON|MM|MI|MS|DDD|DD|Day|Dy|HH24|HH12|HH|SS|US|AM|PM|Q(?!\w))|([^\p{L}\p{N}"]+)/giuy
  let [java, literal] = ['', '']
  while (part.lastIndex < text.length) {
    const at = part.lastIndex
    const [, quoted, fill, name, plain] = part.exec(text) ?? []
    if (name === undefined && (quoted ?? plain) !== undefined) {
      literal += quoted ?? plain ?? ''
      continue
    }
    const form = name === undefined ? undefined : (words[name] ?? numbers[name.toUpperCase()])
    const isPadded = isWritten && !fill && (name === 'Month' || name === 'Day')
    if (form === undefined || isPadded) throw unreadable(text.slice(at), isPadded)
    java += literalOf(literal) + (fill && form.length === 2 && form !== 'yy' ? form.slice(1) : form)
    literal = ''
  }
  return stringOf(java + literalOf(literal))
}

function literalOf(text: string): string {
  return /^[-/:., ]*$/.test(text) ? text : `'${text.replaceAll("'", "''")}'`
}

function unreadable(rest: string, isPadded: boolean): AppError {
  return new AppError(
    'query.unsupported',
    `${JSON.stringify(rest.slice(0, 20))} of a pattern of PostgreSQL is not read.`,
    {
      hint: isPadded
        ? 'Say FMMonth or FMDay.'
        : 'Write YYYY, YY, MM, Mon, DD, Dy, HH24, HH12, MI, SS, MS, US, AM and text in double quotes, or a pattern of Java: yyyy-MM-dd HH:mm:ss.',
    },
  )
}
