import { stringType } from '#types/data-type.ts'
import { type ShadowConnection, theMessage } from './connection.ts'
import { failureOf } from './failure.ts'
import type {
  Answer,
  AnswerColumn,
  AskingSession,
  GivenParameters,
  Question,
  QuestionDescription,
  Shown,
} from './shadow.ts'
import * as wire from './wire.ts'

export interface Asked {
  readonly question: Question
  readonly asker: AskingSession
  readonly shown: Pick<Shown, 'schemas'>
  readonly signal: AbortSignal
}

/** Asks a database of the shadow. @throws AppError as PostgreSQL's own error */
export async function askOn(
  connection: ShadowConnection,
  asked: Asked & { readonly given: GivenParameters },
): Promise<Answer> {
  const { question, given, signal } = asked
  const { parameterOids } = given
  const { columns } = await describeOn(connection, { ...asked, parameterOids })
  const messages = Buffer.concat([
    named(asked),
    wire.parse(question.sql, parameterOids),
    wire.bind({
      formats: given.parameterFormats,
      values: given.parameters,
      resultFormats: given.resultFormats(columns),
    }),
    wire.execute,
    wire.sync,
  ])
  const heard = await connection.exchange(messages, { signal })
  refuseFailed(heard, question)
  // The first command gave the names.
  const answer = heard.slice(heard.findIndex(({ type }) => type === 'C') + 1)
  return { columns, rows: answer.filter(({ type }) => type === 'D').map(({ bytes }) => bytes) }
}

export async function describeOn(
  connection: ShadowConnection,
  given: Asked & { readonly parameterOids: readonly number[] },
): Promise<QuestionDescription> {
  const { question, parameterOids, signal } = given
  const messages = Buffer.concat([
    named(given),
    wire.parse(question.sql, parameterOids),
    wire.describeStatement,
    wire.sync,
  ])
  const heard = await connection.exchange(messages, { signal })
  refuseFailed(heard, question)
  return {
    parameterOids: wire.readParameterOids(theMessage(heard, 't')),
    columns: wire.readColumns(theMessage(heard, 'T')).map(columnOf),
  }
}

function columnOf({ name, ...form }: wire.ReadColumn): AnswerColumn {
  return { name, type: stringType, wire: form }
}

/** Tells the connection whose question follows. */
function named({ asker, shown }: Pick<Asked, 'asker' | 'shown'>): Buffer {
  const settings: Readonly<Record<string, string>> = {
    'sluice.user': asker.user,
    'sluice.database': asker.database,
    'sluice.client': asker.client,
    'sluice.process_id': String(asker.processId),
    'sluice.cursors': JSON.stringify(asker.cursors, withoutZeros),
    'sluice.settings': JSON.stringify(Object.fromEntries(asker.settings), withoutZeros),
    search_path: shown.schemas.map(written).join(', '),
  }
  const calls = Object.keys(settings).map(
    (name, index) => `pg_catalog.set_config('${name}', $${index + 1}, false)`,
  )
  return Buffer.concat([
    wire.parse(`SELECT ${calls.join(', ')}`, []),
    wire.bind({
      formats: [],
      values: Object.values(settings).map((value) => Buffer.from(value.replaceAll('\0', ''))),
      resultFormats: [],
    }),
    wire.execute,
  ])
}

/** Clients compare the parts of `search_path` with names, so these have quotes only where PostgreSQL gives them any. */
function written(schema: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(schema) ? schema : `"${schema.replaceAll('"', '""')}"`
}

/** PostgreSQL has no such character, also where JSON has it escaped. */
function withoutZeros(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.replaceAll('\0', '') : value
}

function refuseFailed(heard: readonly wire.WireMessage[], question: Question): void {
  const error = heard.find(({ type }) => type === 'E')
  if (error) throw failureOf(error, question)
}
