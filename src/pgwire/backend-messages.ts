import type { AppError, TextPosition } from '#base/errors.ts'
import type { ResultColumn } from '#query/query.ts'
import { wireTypeOf } from './wire-type.ts'

/** What we say, each as whole bytes ready to be sent. */

/** A message from its type and its parts. */
function message(type: string, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const payload = parts.map((part) => (typeof part === 'string' ? cText(part) : part))
  const byteCount = payload.reduce((sum, part) => sum + part.byteLength, 4)
  const head = Buffer.allocUnsafe(5)
  head.write(type, 0, 'latin1')
  head.writeInt32BE(byteCount, 1)
  return Buffer.concat([head, ...payload], byteCount + 1)
}

/** A text with its closing zero; a zero inside it would end it early and is left out. */
function cText(text: string): Buffer {
  return Buffer.from(`${text.replaceAll('\0', '')}\0`, 'utf8')
}

/** Lengths are negative where they vary, numbers of parameters go up to 65,535. */
function int16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeUInt16BE(value & 0xffff)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value | 0)
  return bytes
}

export const authenticationOk = message('R', int32(0))
export const authenticationClearText = message('R', int32(3))
export const authenticationSasl = (mechanisms: readonly string[]): Buffer =>
  message('R', int32(10), ...mechanisms, Buffer.from([0]))
export const authenticationSaslContinue = (text: string): Buffer => message('R', int32(11), Buffer.from(text))
export const authenticationSaslFinal = (text: string): Buffer => message('R', int32(12), Buffer.from(text))

/** Answers a minor version or options we do not know: what we speak is 3.0. */
export const negotiateProtocolVersion = (unknownOptions: readonly string[]): Buffer =>
  message('v', int32(3 << 16), int32(unknownOptions.length), ...unknownOptions)

export const parameterStatus = (name: string, value: string): Buffer => message('S', name, value)
export const backendKeyData = (processId: number, secret: Buffer): Buffer =>
  message('K', int32(processId), secret)

export type TransactionStatus = 'idle' | 'inTransaction' | 'failed'
const statusBytes = { idle: 'I', inTransaction: 'T', failed: 'E' } as const satisfies Record<
  TransactionStatus,
  string
>
export const readyForQuery = (status: TransactionStatus): Buffer =>
  message('Z', Buffer.from(statusBytes[status]))

export const parseComplete = message('1')
export const bindComplete = message('2')
export const closeComplete = message('3')
export const portalSuspended = message('s')
export const noData = message('n')
export const emptyQueryResponse = message('I')
export const commandComplete = (tag: string): Buffer => message('C', tag)

export const parameterDescription = (oids: readonly number[]): Buffer =>
  message('t', int16(oids.length), Buffer.concat(oids.map(int32)))

export function rowDescription(columns: readonly ResultColumn[], formats: readonly number[]): Buffer {
  return message(
    'T',
    int16(columns.length),
    Buffer.concat(columns.map((column, index) => columnDescription(column, formats[index] ?? 0))),
  )
}

function columnDescription({ name, type, wire }: ResultColumn, format: number): Buffer {
  const { oid, byteCount, modifier } = wire ?? wireTypeOf(type)
  return Buffer.concat([
    cText(name),
    int32(wire?.tableOid ?? 0),
    int16(wire?.columnNumber ?? 0),
    int32(oid),
    int16(byteCount),
    int32(modifier),
    int16(format),
  ])
}

/** Begins a COPY … TO STDOUT; all columns come in one format. */
export const copyOutResponse = (columnCount: number, format: 0 | 1): Buffer =>
  message(
    'H',
    Buffer.from([format]),
    int16(columnCount),
    ...Array.from({ length: columnCount }, () => int16(format)),
  )
export const copyDone = message('c')

export interface ErrorReport {
  readonly severity: 'ERROR' | 'FATAL'
  readonly error: AppError
  /** The text the position counts in. */
  readonly sql?: string | undefined
}

export function errorResponse({ severity, error, sql }: ErrorReport): Buffer {
  const { message: text, hint, position, detail } = error
  return message(
    'E',
    ...fields([
      ['S', severity],
      ['V', severity],
      ['C', sqlStateOf(error)],
      ['M', text],
      ['H', hint],
      ['P', position && sql !== undefined ? String(characterPosition(sql, position)) : undefined],
      ['R', typeof detail?.['routine'] === 'string' ? detail['routine'] : undefined],
    ]),
  )
}

export const noticeResponse = (text: string): Buffer => notice('NOTICE', '00000', text)
export const warningResponse = (text: string, sqlState: string): Buffer => notice('WARNING', sqlState, text)

function notice(severity: 'NOTICE' | 'WARNING', sqlState: string, text: string): Buffer {
  return message(
    'N',
    ...fields([
      ['S', severity],
      ['V', severity],
      ['C', sqlState],
      ['M', text],
    ]),
  )
}

function fields(list: readonly (readonly [string, string | undefined])[]): (Uint8Array | string)[] {
  const present = list.flatMap(([type, value]) =>
    value === undefined ? [] : [Buffer.from(type), cText(value)],
  )
  return [...present, Buffer.from([0])]
}

/** What a PostgreSQL behind us said goes on as it was said. */
function sqlStateOf({ detail, meaning }: AppError): string {
  const state = detail?.['sqlState']
  return typeof state === 'string' && /^[0-9A-Z]{5}$/.test(state) ? state : meaning.sqlState
}

/** PostgreSQL counts characters from 1, our positions UTF-16 units from 0. */
export function characterPosition(sql: string, { offset }: TextPosition): number {
  const before = sql.slice(0, offset)
  const pairCount = before.match(/[\uD800-\uDBFF][\uDC00-\uDFFF]/g)?.length ?? 0
  return before.length - pairCount + 1
}
