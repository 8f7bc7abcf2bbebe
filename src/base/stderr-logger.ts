import type { LogFields, Logger, LogLevel } from './log.ts'

const weight: Readonly<Record<LogLevel, number>> = { debug: 10, info: 20, warn: 30, error: 40 }
const colour: Readonly<Record<LogLevel, number>> = { debug: 90, info: 36, warn: 33, error: 31 }

/** Field names whose values are never written, whatever they hold. */
const secretName = /password|secret|token|credential|authorization|databaseurl/i
const causesMax = 5

export interface LoggerOptions {
  /** Less than this is not written. */
  readonly level: LogLevel
  /** `json`: one object a line; `text`: for people; `auto`: as the stream is a terminal or not. */
  readonly format: 'auto' | 'json' | 'text'
  readonly stream?: NodeJS.WritableStream & { readonly isTTY?: boolean }
  readonly now?: () => Date
}

/** Writes events on standard error, a line each. */
export function createLogger(options: LoggerOptions): Logger {
  const { level: least, stream = process.stderr, now = () => new Date() } = options
  const isTerminal = stream.isTTY === true
  const isText = options.format === 'text' || (options.format === 'auto' && isTerminal)

  function withFields(common: LogFields): Logger {
    return {
      log: (level, event, fields = {}) => {
        if (weight[level] < weight[least]) return
        const entry = { at: now(), level, event, fields: { ...common, ...fields } }
        stream.write(`${isText ? textLine(entry, isTerminal) : jsonLine(entry)}\n`)
      },
      child: (fields) => withFields({ ...common, ...fields }),
    }
  }
  return withFields({})
}

interface Entry {
  readonly at: Date
  readonly level: LogLevel
  readonly event: string
  readonly fields: LogFields
}

function jsonLine({ at, level, event, fields }: Entry): string {
  return JSON.stringify({ ...(plain(fields, []) as object), at: at.toISOString(), level, event })
}

function textLine({ at, level, event, fields }: Entry, isColoured: boolean): string {
  const name = isColoured ? `\u001B[${colour[level]}m${event}\u001B[0m` : event
  const parts = Object.entries(plain(fields, []) as object).map(
    ([key, value]) => `${key}=${textValue(value)}`,
  )
  return [at.toISOString().slice(11, 23), level.padEnd(5), name, ...parts].join(' ')
}

function textValue(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return typeof value === 'string' && /[\s"=]/.test(text) ? JSON.stringify(text) : text
}

/** What JSON can hold: errors with their causes, big integers as text, no secret, no circle. */
function plain(value: unknown, above: readonly unknown[]): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'function' || typeof value === 'symbol') return typeof value
  if (typeof value !== 'object' || value === null) return value
  if (above.includes(value)) return '(itself)'
  const path = [...above, value]
  if (value instanceof Error) return plainError(value, path)
  if (value instanceof Uint8Array) return `(${value.byteLength} bytes)`
  if ('toJSON' in value && typeof value.toJSON === 'function') return plain(value.toJSON(), path)
  if (Array.isArray(value)) return value.map((item) => plain(item, path))
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([name, item]) => [name, secretName.test(name) ? '***' : plain(item, path)]),
  )
}

function plainError(error: Error, path: readonly unknown[]): unknown {
  const code = 'code' in error ? { code: plain(error.code, path) } : {}
  const cause =
    error.cause === undefined || path.length > causesMax ? {} : { cause: plain(error.cause, path) }
  return { message: error.message, ...code, stack: error.stack, ...cause }
}
