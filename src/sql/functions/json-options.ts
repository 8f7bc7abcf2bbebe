import { AppError } from '#base/errors.ts'
import type { BoundExpression } from '../bind/bound.ts'

/** By name in lower case. */
export type JsonOptions = ReadonlyMap<string, string>

const known = [
  'timestampformat',
  'dateformat',
  'timestampntzformat',
  'ignorenullfields',
  'columnnameofcorruptrecord',
]

/** Options that allow more, or with `false` less, each with its flag. */
const leniencies: Readonly<Record<string, string>> = {
  allowunquotedfieldnames: 'u',
  allowcomments: 'c',
  allownumericleadingzeros: 'z',
  allowbackslashescapinganycharacter: 'b',
  allowunescapedcontrolchars: 'k',
}
/** What is so anyway. */
const asIs: Readonly<Record<string, string>> = {
  mode: 'PERMISSIVE',
  timezone: 'UTC',
  allowsinglequotes: 'true',
  allownonnumericnumbers: 'true',
  primitivesasstring: 'true',
  prefersdecimal: 'false',
  infertimestamp: 'false',
}

/**
 * The options of `map('name', 'value', …)`.
 * @throws AppError 'query.unsupported' for those that would be ignored
 */
export function jsonOptions(value: BoundExpression | undefined): JsonOptions {
  if (value === undefined) return new Map()
  const parts = value.kind === 'call' && value.entry.names[0] === 'map' ? value.arguments : [undefined]
  const texts = parts.map((part) => {
    if (part?.kind === 'literal' && part.value !== null) return String(part.value)
    throw new AppError('query.type', 'Options are constants.', {
      hint: "Write map('timestampFormat', 'yyyy').",
    })
  })
  const options = new Map<string, string>()
  for (let index = 0; index + 1 < texts.length; index += 2) {
    const [name = '', text = ''] = texts.slice(index, index + 2)
    const lower = name.toLowerCase()
    if (
      !known.includes(lower) &&
      leniencies[lower] === undefined &&
      asIs[lower]?.toLowerCase() !== text.toLowerCase()
    ) {
      throw new AppError('query.unsupported', `The JSON option ${name} = ${text} is not supported.`, {
        hint: 'timestampFormat, timestampNTZFormat, dateFormat, ignoreNullFields and those that allow more are.',
      })
    }
    options.set(lower, text)
  }
  return options
}

/** What may be unlike strict JSON when it is read. */
export function leniency(options: JsonOptions): string {
  return Object.entries(leniencies)
    .filter(([name]) => options.get(name)?.toLowerCase() === 'true')
    .map(([, flag]) => flag)
    .join('')
}

/** Of those options what matters for the type of a constant. */
export function schemaLeniency(options: JsonOptions): string {
  const areTexts = options.get('primitivesasstring')?.toLowerCase() === 'true'
  return areTexts ? `${leniency(options)}s` : leniency(options)
}
