import type { Frame } from './framer.ts'
import { malformed, PayloadReader } from './payload-reader.ts'

/** What a client may say before it is known. */
export type StartupMessage =
  | { readonly kind: 'ssl' }
  | { readonly kind: 'gssEncryption' }
  | { readonly kind: 'cancel'; readonly processId: number; readonly secret: Buffer }
  | {
      readonly kind: 'startup'
      readonly majorVersion: number
      readonly minorVersion: number
      readonly parameters: ReadonlyMap<string, string>
    }

const cancelCode = 80877102
const sslCode = 80877103
const gssCode = 80877104
const cancelSecretBytesMax = 256

export function parseStartup(payload: Buffer): StartupMessage {
  const reader = new PayloadReader(payload)
  const code = reader.int32()
  switch (code) {
    case sslCode:
      reader.end()
      return { kind: 'ssl' }
    case gssCode:
      reader.end()
      return { kind: 'gssEncryption' }
    case cancelCode: {
      const processId = reader.int32()
      if (reader.remaining > cancelSecretBytesMax) throw malformed('the secret is too long')
      return { kind: 'cancel', processId, secret: reader.bytes(reader.remaining) }
    }
    default: {
      const parameters = new Map<string, string>()
      const majorVersion = code >>> 16
      // Another major version may have another form: let the caller answer about the version.
      if (majorVersion === 3) {
        for (;;) {
          const name = reader.text()
          if (name === '') break
          parameters.set(name, reader.text())
        }
        reader.end()
      }
      return { kind: 'startup', majorVersion, minorVersion: code & 0xffff, parameters }
    }
  }
}

/** What a client may say once it is known. */
export type FrontendMessage =
  | { readonly kind: 'query'; readonly sql: string }
  | {
      readonly kind: 'parse'
      readonly name: string
      readonly sql: string
      readonly parameterOids: readonly number[]
    }
  | {
      readonly kind: 'bind'
      readonly portal: string
      readonly statement: string
      readonly parameterFormats: readonly number[]
      readonly parameters: readonly (Buffer | null)[]
      readonly resultFormats: readonly number[]
    }
  | { readonly kind: 'describe'; readonly target: 'statement' | 'portal'; readonly name: string }
  | { readonly kind: 'close'; readonly target: 'statement' | 'portal'; readonly name: string }
  /** `rowCountMax` 0: all. */
  | { readonly kind: 'execute'; readonly portal: string; readonly rowCountMax: number }
  | { readonly kind: 'sync' | 'flush' | 'terminate' | 'functionCall' | 'copy' }

/** @throws AppError 'connection.protocol' */
export function parseFrontend({ type, payload }: Frame): FrontendMessage {
  const reader = new PayloadReader(payload)
  const whole = <T>(message: T): T => {
    reader.end()
    return message
  }
  switch (type) {
    case 'Q':
      return whole({ kind: 'query', sql: reader.text() })
    case 'P':
      return whole({
        kind: 'parse',
        name: reader.text(),
        sql: reader.text(),
        parameterOids: reader.list(() => reader.int32() >>> 0),
      })
    case 'B':
      return whole({
        kind: 'bind',
        portal: reader.text(),
        statement: reader.text(),
        parameterFormats: reader.list(() => reader.int16()),
        parameters: reader.list(() => {
          const byteCount = reader.int32()
          return byteCount === -1 ? null : reader.bytes(byteCount)
        }),
        resultFormats: reader.list(() => reader.int16()),
      })
    case 'D':
    case 'C': {
      const target = reader.byte()
      if (target !== 0x53 && target !== 0x50) throw malformed('it names neither a statement nor a portal')
      const named = { target: target === 0x53 ? 'statement' : 'portal', name: reader.text() } as const
      return whole(type === 'D' ? { kind: 'describe', ...named } : { kind: 'close', ...named })
    }
    case 'E':
      return whole({ kind: 'execute', portal: reader.text(), rowCountMax: Math.max(0, reader.int32()) })
    case 'S':
      return whole({ kind: 'sync' })
    case 'H':
      return whole({ kind: 'flush' })
    case 'X':
      return { kind: 'terminate' }
    case 'F':
      return { kind: 'functionCall' }
    case 'c':
    case 'd':
    case 'f':
      return { kind: 'copy' }
    default:
      throw malformed(`there is no message ${JSON.stringify(type)}`)
  }
}
