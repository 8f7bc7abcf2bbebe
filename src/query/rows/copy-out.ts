import { AppError, type TextPosition } from '#base/errors.ts'
import type { CopyForm } from '#encode/encoding.ts'
import type { Field } from '#types/data-type.ts'
import type { StatementOf } from '../query.ts'

type Options = StatementOf<'copy'>['options']

/** What a `COPY … TO STDOUT` sends, by its options. @throws AppError 'query.unsupported', 'query.syntax' */
export function copyFormOf(options: Options, position?: TextPosition): CopyForm {
  const text = (name: string, byDefault: string): string => {
    const value = options[name] ?? byDefault
    if (typeof value === 'string') return value
    throw new AppError('query.syntax', `The option ${name} of COPY takes one value.`, { position })
  }
  const character = (name: string, byDefault: string): string => {
    const value = text(name, byDefault)
    if (value.length === 1 && value >= '\u0001' && value <= '\u007f' && !/[\r\n]/.test(value)) return value
    throw new AppError('query.syntax', `The option ${name} of COPY takes one single-byte character.`, {
      position,
    })
  }
  const unreadable = (rule: string): AppError =>
    new AppError('request.invalid', `What COPY sends can be read again where ${rule}.`)
  const format = text('format', 'text').toLowerCase()
  const others = Object.keys(options).find((name) => !known[format]?.includes(name))
  if (!known[format] || others !== undefined) {
    throw new AppError(
      'query.unsupported',
      known[format]
        ? `COPY … TO STDOUT as ${format} has no option ${others}.`
        : `COPY … TO STDOUT has no format ${format}.`,
      { position, hint: 'The formats are text, csv and binary.' },
    )
  }
  if (!/^utf-?8$/i.test(text('encoding', 'UTF8'))) {
    throw new AppError('query.unsupported', 'COPY … TO STDOUT is in UTF8.', { position })
  }
  if (format === 'binary') return { kind: 'binary' }
  const header = switched(text('header', 'false'), position)
  const delimiter = character('delimiter', format === 'csv' ? ',' : '\t')
  const nullText = text('null', format === 'csv' ? '' : '\\N')
  if (nullText.includes(delimiter)) {
    throw new AppError(
      'query.unsupported',
      'The delimiter of COPY must not stand in what is sent for NULL.',
      {
        position,
      },
    )
  }
  if (/[\r\n]/.test(nullText)) throw unreadable('what is sent for NULL has no line break')
  if (format === 'text') {
    // With a backslash before it, each of them means something else.
    if (/[\\.a-z0-9]/.test(delimiter)) {
      throw unreadable(`the delimiter is no letter, digit, dot or backslash, as ${delimiter} is`)
    }
    return { kind: 'text', delimiter, null: nullText, header }
  }
  const quote = character('quote', '"')
  if (quote === delimiter) throw unreadable('the delimiter and the quote differ')
  if (nullText.includes(quote)) {
    throw new AppError('query.unsupported', 'The quote of COPY must not stand in what is sent for NULL.')
  }
  const forced = options['force_quote'] ?? []
  return {
    kind: 'csv',
    delimiter,
    null: nullText,
    header,
    quote,
    escape: character('escape', quote),
    forceQuote: forced === '*' ? 'all' : typeof forced === 'string' ? [forced] : forced,
  }
}

/** The form with columns called as the result calls them. @throws AppError 'query.unknown_column' */
export function formOver(form: CopyForm, columns: readonly Field[]): CopyForm {
  if (form.kind !== 'csv' || form.forceQuote === 'all') return form
  const forceQuote = form.forceQuote.map((forced) => {
    const column = columns.find(({ name }) => name.toLowerCase() === forced.toLowerCase())
    if (column) return column.name
    throw new AppError('query.unknown_column', `FORCE_QUOTE names ${forced}, which is no column of the rows.`)
  })
  return { ...form, forceQuote }
}

const known: Readonly<Record<string, readonly string[]>> = {
  text: ['format', 'delimiter', 'null', 'header', 'encoding', 'freeze'],
  csv: ['format', 'delimiter', 'null', 'header', 'quote', 'escape', 'force_quote', 'encoding', 'freeze'],
  binary: ['format', 'encoding', 'freeze'],
}

/** As PostgreSQL reads HEADER; MATCH is of COPY … FROM alone. */
function switched(value: string, position: TextPosition | undefined): boolean {
  const lower = value.toLowerCase()
  if (['true', 'on', '1'].includes(lower)) return true
  if (['false', 'off', '0'].includes(lower)) return false
  throw new AppError(
    'query.syntax',
    `HEADER of COPY … TO STDOUT is true or false, not ${value.slice(0, 40)}.`,
    {
      position,
    },
  )
}
