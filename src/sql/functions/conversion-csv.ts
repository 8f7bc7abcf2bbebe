import { AppError } from '#base/errors.ts'
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
  const given = csvOptions(options)
  const option = (name: string): BoundExpression | undefined => given.get(name.toLowerCase())
  const separator = option('sep') ?? option('delimiter') ?? stringOf(',')
  const fields = struct.type.kind === 'struct' ? struct.type.fields : []
  const items = fields.map(({ name, type }) => {
    const value = fieldOf(struct, name, type)
    const format = isTemporal(type)
      ? (option(formats[type.kind] ?? 'timestampFormat') ?? standardForm(type))
      : undefined
    const text = format ? context.call('date_format', [value, format]) : castTo(value, stringType)
    return context.call('coalesce', [quoted(text, separator, context), stringOf('')])
  })
  const line = context.call('concat_ws', [separator, ...items])
  const [only, ...more] = fields
  // A line of nothing is none.
  const isThere = context.call('isnotnull', [
    only && more.length === 0 ? fieldOf(struct, only.name, only.type) : struct,
  ])
  return context.call('if', [isThere, line, nullOf(stringType)])
}

const formats: Partial<Record<DataType['kind'], string>> = {
  date: 'dateFormat',
  timestamp_ntz: 'timestampNTZFormat',
}

/** What changes how a row is written. */
const known = ['sep', 'delimiter', 'timestampformat', 'timestampntzformat', 'dateformat']
/** What matters for files and for what is read alone. */
const ofFiles = [
  'header',
  'mode',
  'encoding',
  'charset',
  'inferschema',
  'multiline',
  'enforceschema',
  'compression',
]

/**
 * By name in lower case.
 * @throws AppError 'query.unsupported' for those that would be ignored
 */
function csvOptions(options: BoundExpression | undefined): ReadonlyMap<string, BoundExpression> {
  const parts = options?.kind === 'call' ? options.arguments : []
  const given = new Map<string, BoundExpression>()
  for (let index = 0; index + 1 < parts.length; index += 2) {
    const [name, value] = [parts[index], parts[index + 1]]
    if (name?.kind !== 'literal' || !value) continue
    const lower = String(name.value).toLowerCase()
    if (!known.includes(lower) && !ofFiles.includes(lower)) {
      throw new AppError('query.unsupported', `The CSV option ${String(name.value)} is not supported.`, {
        hint: 'sep, timestampFormat and dateFormat are.',
      })
    }
    given.set(lower, value)
  }
  return given
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
