import { stringType, structType, type DataType } from '#types/data-type.ts'
import { isTemporal } from '#types/implicit-cast.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { castTo, fieldOf, nullOf, stringOf } from '../bind/build.ts'
import { rewritten, scalar } from './define.ts'
import type { FunctionEntry, RewriteContext } from './entry.ts'

export const csvFunctions: readonly FunctionEntry[] = [
  {
    ...scalar('to_csv', rewritten(['struct'], csvLine), rewritten(['struct', 'map'], csvLine)),
    remarks: 'Of the options, `sep`, `timestampFormat` and `dateFormat` are read.',
  },
]

function csvLine(values: readonly BoundExpression[], context: RewriteContext): BoundExpression {
  const [struct = nullOf(structType([])), options] = values
  const option = (name: string): BoundExpression | undefined => {
    if (options?.kind !== 'call') return undefined
    const place = options.arguments.findIndex((given) => given.kind === 'literal' && given.value === name)
    return place < 0 ? undefined : options.arguments[place + 1]
  }
  const separator = option('sep') ?? stringOf(',')
  const fields = struct.type.kind === 'struct' ? struct.type.fields : []
  const items = fields.map(({ name, type }) => {
    const value = fieldOf(struct, name, type)
    const format = isTemporal(type)
      ? (option(type.kind === 'date' ? 'dateFormat' : 'timestampFormat') ?? standardForm(type))
      : undefined
    const text = format ? context.call('date_format', [value, format]) : castTo(value, stringType)
    return context.call('coalesce', [quoted(text, separator, context), stringOf('')])
  })
  const line = context.call('concat_ws', [separator, ...items])
  const [only, ...more] = fields
  if (!only || more.length > 0) return line
  // A line of nothing is none.
  const isThere = context.call('isnotnull', [fieldOf(struct, only.name, only.type)])
  return context.call('if', [isThere, line, nullOf(stringType)])
}

function standardForm({ kind }: DataType): BoundExpression | undefined {
  if (kind === 'date') return undefined
  return stringOf(`yyyy-MM-dd'T'HH:mm:ss.SSS${kind === 'timestamp' ? 'XXX' : ''}`)
}

/** In double quotes where it holds what would part it. */
function quoted(text: BoundExpression, separator: BoundExpression, context: RewriteContext): BoundExpression {
  const call = (name: string, values: readonly BoundExpression[]): BoundExpression =>
    context.call(name, values)
  const holds = (part: BoundExpression): BoundExpression => call('contains', [text, part])
  // An empty text is told from NULL.
  const isEmpty = call('=', [text, stringOf('')])
  const needsQuotes = [separator, stringOf('"'), stringOf('\n')]
    .map(holds)
    .reduce((left, right) => call('or', [left, right]), isEmpty)
  const escaped = call('replace', [text, stringOf('"'), stringOf('\\"')])
  return call('if', [needsQuotes, call('concat', [stringOf('"'), escaped, stringOf('"')]), text])
}
