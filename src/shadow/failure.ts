import { AppError, type ErrorCode } from '#base/errors.ts'
import type { Question } from './shadow.ts'
import { positionIn } from './splice.ts'
import { readFields, type WireMessage } from './wire.ts'

const codes: Readonly<Record<string, ErrorCode>> = {
  '22P02': 'query.value',
  '3F000': 'query.unknown_schema',
  '42501': 'access.denied',
  '42601': 'query.syntax',
  '42703': 'query.unknown_column',
  '42704': 'query.unknown',
  '42804': 'query.type',
  '42883': 'query.unknown_function',
  '42P01': 'query.unknown_table',
  '53200': 'engine.memory',
  '53400': 'query.limit',
  '57014': 'query.cancelled',
}

/** What PostgreSQL says is wrong with a question, with the place in what was asked. */
export function failureOf(message: WireMessage, question: Question): AppError {
  const fields = readFields(message)
  const state = fields.get('C') ?? ''
  const character = Number(fields.get('P'))
  return new AppError(
    codes[state] ?? 'query.failed',
    fields.get('M') ?? 'The question could not be answered.',
    {
      hint: fields.get('H'),
      position: character > 0 ? positionIn(question, character) : undefined,
      detail: { sqlState: state },
    },
  )
}
