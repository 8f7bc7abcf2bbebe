import { AppError } from '#base/errors.ts'
import type { BoundExpression } from '../bind/bound.ts'

/** By name in lower case. */
export type JsonOptions = ReadonlyMap<string, string>

const known = ['timestampformat', 'dateformat', 'timestampntzformat']
/** What is so anyway. */
const asIs: Readonly<Record<string, string>> = {
  mode: 'PERMISSIVE',
  ignorenullfields: 'true',
  timezone: 'UTC',
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
    if (!known.includes(lower) && asIs[lower]?.toLowerCase() !== text.toLowerCase()) {
      throw new AppError('query.unsupported', `The JSON option ${name} = ${text} is not supported.`, {
        hint: 'timestampFormat, timestampNTZFormat and dateFormat are.',
      })
    }
    options.set(lower, text)
  }
  return options
}
