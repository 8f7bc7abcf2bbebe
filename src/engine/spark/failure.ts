import { type ServiceError, status } from '@grpc/grpc-js'
import { AppError, type ErrorCode } from '#base/errors.ts'
import { readErrorInfo } from './messages.ts'

/** What a failed call says: gRPC's code, and Spark's own words where it has some. */
export interface SparkFailure {
  readonly code: status | undefined
  /** `DIVIDE_BY_ZERO`, `INVALID_HANDLE.SESSION_CLOSED`; empty when unknown. */
  readonly errorClass: string
  readonly sqlState: string
  readonly parameters: Readonly<Record<string, string>>
  readonly text: string
}

export function readFailure(error: unknown): SparkFailure {
  const { code, details, metadata } = error as Partial<ServiceError>
  const text = details ?? (error instanceof Error ? error.message : String(error))
  const trailer = metadata?.get('grpc-status-details-bin')[0]
  const info = trailer instanceof Uint8Array ? readErrorInfo(trailer) : undefined
  // The text begins with the class where the trailer leaves it out.
  const errorClass = info?.metadata?.['errorClass'] ?? /^\[([A-Z0-9_.]+)\]/.exec(text)?.[1] ?? ''
  return {
    code,
    errorClass,
    sqlState: info?.metadata?.['sqlState'] ?? /SQLSTATE: (\w{5})/.exec(text)?.[1] ?? '',
    parameters: parametersOf(info?.metadata?.['messageParameters']),
    text,
  }
}

function parametersOf(text: string | undefined): Readonly<Record<string, string>> {
  try {
    return JSON.parse(text ?? '{}') as Record<string, string>
  } catch {
    return {} // Spark cuts long ones short; then they say nothing.
  }
}

/** The session is one that the server does not have, or has no more: another one can be begun. */
export function isSessionLost({ errorClass }: SparkFailure): boolean {
  return errorClass.startsWith('INVALID_HANDLE.SESSION_')
}

/** The operation is unknown to the server: it never arrived there, or was forgotten. */
export function isOperationLost({ errorClass }: SparkFailure): boolean {
  return /^INVALID_(?:HANDLE\.OPERATION_|CURSOR\.)/.test(errorClass)
}

/** The connection broke; what was asked may or may not have arrived. */
export function isDisconnected({ code, errorClass }: SparkFailure): boolean {
  return errorClass === '' && (code === status.UNAVAILABLE || code === status.CANCELLED)
}

/** What failed, for who sent the statement: neither Spark's wording nor its text of the query shows. */
export function appErrorOf(failure: SparkFailure): AppError {
  const { errorClass, text } = failure
  const cause = `${errorClass} ${text}`.trim()
  const made = (code: ErrorCode, message: string, hint?: string): AppError =>
    new AppError(code, message, { cause, hint })
  if (errorClass.startsWith('OPERATION_CANCELED')) {
    return made('query.cancelled', 'The statement was cancelled.')
  }
  if (isDisconnected(failure) || failure.code === status.DEADLINE_EXCEEDED) {
    return made(
      'engine.unavailable',
      'Spark does not answer.',
      'Try again, see whether its server runs at spark.address, or SET engine = duckdb.',
    )
  }
  if (failure.code === status.UNAUTHENTICATED || failure.code === status.PERMISSION_DENIED) {
    return made(
      'engine.unavailable',
      'Spark refuses this server.',
      'Whoever runs the server sets spark.token.',
    )
  }
  if (isSessionLost(failure) || isOperationLost(failure)) {
    return made(
      'engine.crashed',
      'Spark has lost the statement: its server was started anew or let go of it.',
      'Try again.',
    )
  }
  if (isOutOfMemory(text)) {
    return made(
      'engine.memory',
      'The statement, or its result, needed more memory than Spark may use.',
      'Read fewer columns or rows, say LIMIT, or give Spark more memory.',
    )
  }
  return foreseen(failure, made) ?? made('internal', 'Spark met an error that was not expected.')
}

function isOutOfMemory(text: string): boolean {
  return /OutOfMemoryError|bigger than spark\.driver\.maxResultSize|UNABLE_TO_ACQUIRE_MEMORY|Container killed/i.test(
    text,
  )
}

type Make = (code: ErrorCode, message: string, hint?: string) => AppError

/** What the data made impossible, by the class of Spark's condition. */
function foreseen(
  { errorClass, parameters, text, sqlState }: SparkFailure,
  made: Make,
): AppError | undefined {
  const [condition = ''] = errorClass.split('.')
  if (condition === 'USER_RAISED_EXCEPTION') {
    const said =
      parameters['errorMessage'] ?? /USER_RAISED_EXCEPTION\]\s*([\s\S]*?)\s*(?:SQLSTATE:|$)/.exec(text)?.[1]
    return made('query.failed', said ?? 'The statement raised an error.')
  }
  if (condition === 'SCALAR_SUBQUERY_TOO_MANY_ROWS') {
    return made('query.several_rows', 'A query used as a value gave more than one row.')
  }
  const known = conditions[condition]
  if (known !== undefined) return made('query.failed', known)
  if (/FAILED_READ_FILE|FILE_NOT_EXIST|PATH_NOT_FOUND|CANNOT_READ/.test(errorClass)) {
    return made(
      'lake.corrupt',
      'Spark could not read a file of the lake.',
      'Spark needs the folder of the lake at the same path, on each of its machines.',
    )
  }
  // The front end has bound the statement: what Spark then finds wrong with its text is Spark's own limit.
  if (/^(?:0A|42)/.test(sqlState) || condition.startsWith('UNSUPPORTED')) {
    return made(
      'query.unsupported',
      'Spark cannot carry out a part of this statement.',
      'SET engine = duckdb runs it here.',
    )
  }
  // Classes 21 and 22: values that an operation cannot take.
  if (/^2[12]/.test(sqlState)) return made('query.failed', 'A value was not one that its operation can take.')
  return undefined
}

const conditions: Readonly<Record<string, string>> = {
  DIVIDE_BY_ZERO: 'A number was divided by zero.',
  ARITHMETIC_OVERFLOW: 'A number became too large for its type.',
  NUMERIC_VALUE_OUT_OF_RANGE: 'A number is too large for its type.',
  CAST_INVALID_INPUT: 'A value could not be read as the type it is converted to.',
  CAST_OVERFLOW: 'A number is too large for the type it is converted to.',
  DUPLICATED_MAP_KEY: 'A map would have the same key twice.',
  NULL_MAP_KEY: 'A map would have NULL as a key.',
  INVALID_ARRAY_INDEX: 'An array has no element at the place asked for.',
  INVALID_ARRAY_INDEX_IN_ELEMENT_AT: 'An array has no element at the place asked for.',
  INVALID_INDEX_OF_ZERO: 'Elements are counted from 1; there is none at 0.',
  INVALID_PARAMETER_VALUE: 'A function was given a value that it does not take.',
  MALFORMED_RECORD_IN_PARSING: 'A text does not have the form it is read as.',
  DATETIME_OVERFLOW: 'A time became too far away to be kept.',
  INVALID_UTF8_STRING: 'A text is not valid UTF-8.',
  COLLECTION_SIZE_LIMIT_EXCEEDED: 'An array would have more elements than one can have.',
  CANNOT_PARSE_TIMESTAMP: 'A text could not be read as a time by its pattern.',
  INVALID_DATETIME_PATTERN: 'A pattern for times has letters that mean nothing.',
}
