import { AppError } from '#base/errors.ts'
import { CorruptAnswer, type Failures, LostAnswer } from '../remote/failure.ts'

/** What the server or the network said. */
export interface SftpFailure {
  readonly code:
    | 'no such file'
    | 'denied'
    | 'failure'
    | 'exists'
    | 'full'
    | 'login'
    | 'network'
    | 'unsupported'
  /** For people. */
  readonly said: string
}

/** Status codes of the protocol; version 3 has those up to 8. */
const statuses: Readonly<Record<number, SftpFailure['code']>> = {
  2: 'no such file',
  3: 'denied',
  4: 'failure',
  5: 'failure',
  6: 'network',
  7: 'network',
  8: 'unsupported',
  11: 'exists',
  14: 'full',
  15: 'full',
}

/** What the library says, without a code, of requests under way when the connection ends. */
const lost = /^(?:No response from server|Not connected|Channel (?:open|closed))/

/** Said by us in the server's stead. */
export class SftpRefusal extends Error {
  override readonly name = 'SftpRefusal'
  readonly code: number
  constructor(code: 4 | 11 | 14, message: string) {
    super(message)
    this.code = code
  }
}

export function failureOf(error: unknown): SftpFailure | undefined {
  if (!(error instanceof Error) || error instanceof AppError) return undefined
  if (error instanceof CorruptAnswer || error instanceof LostAnswer) {
    return { code: 'network', said: error.message }
  }
  const { code, level } = error as Error & { readonly code?: unknown; readonly level?: unknown }
  if (typeof code === 'number') {
    const known = statuses[code]
    return known && { code: known, said: error.message }
  }
  if (level === 'client-authentication') return { code: 'login', said: error.message }
  if (typeof level === 'string') return { code: 'network', said: error.message }
  if (typeof code === 'string') return { code: 'network', said: code }
  return lost.test(error.message) ? { code: 'network', said: error.message } : undefined
}

function isPassing({ code }: SftpFailure): boolean {
  return code === 'network'
}

export function isMissing(failure: SftpFailure | undefined): boolean {
  return failure?.code === 'no such file'
}

/** Version 3 of the protocol has one word for a name that is taken and for a full disk: who is told so looks. */
export function mayBeTaken({ code }: SftpFailure): boolean {
  return code === 'exists' || code === 'failure'
}

function storeError(
  { code, said }: SftpFailure,
  { location, name }: { readonly location: string; readonly name: string },
): AppError {
  const what = name === '' ? location : `${location} at ${JSON.stringify(name)}`
  const options = { detail: { store: location, ...(name === '' ? {} : { object: name }), code } }
  switch (code) {
    case 'login':
      return new AppError(
        'store.refused',
        `${location} refuses the user or their password or key (${said}).`,
        {
          ...options,
          hint: 'Look whether user, password or key are right and the account is not locked or expired.',
        },
      )
    case 'denied':
      return new AppError('store.refused', `${what} refuses the request (${said}).`, {
        ...options,
        hint: 'Let the user list, read, write, rename and delete in the folder.',
      })
    case 'full':
      return new AppError('store.full', `The disk of ${location} is full (${said}).`, {
        ...options,
        hint: 'Free some space there; the next try goes on. Nothing half-written is visible.',
      })
    case 'no such file':
      return new AppError('store.refused', `${what} is not there and cannot be made (${said}).`, {
        ...options,
        hint: 'Correct the folder, or make it on the server.',
      })
    case 'unsupported':
      return new AppError('store.refused', `${what} cannot do what is needed (${said}).`, {
        ...options,
        hint: 'The server must offer version 3 of SFTP with rename.',
      })
    default:
      return new AppError('store.unreachable', `${what} does not answer as it should (${said}).`, {
        ...options,
        hint: 'Look whether the server is there and healthy, its disk has room, and no file stands where a folder is needed; the next try goes on.',
      })
  }
}

export const sftpFailures: Failures<SftpFailure> = { of: failureOf, isPassing, error: storeError }
