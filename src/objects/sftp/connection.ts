import type { SFTPWrapper } from 'ssh2'
import { AppError } from '#base/errors.ts'
import { ask as askRemote, type Asking, type Remote } from '../remote/ask.ts'
import { failureOf, type SftpFailure } from './failure.ts'
import { openSession, type Session, type SessionOptions } from './session.ts'
import type { SftpStoreConfig } from './sftp-config.ts'

/** A server, logged in to when it is needed, and again when the connection was lost. */
export interface Connection extends Remote<SftpFailure> {
  /**
   * Sends requests that may be sent twice, through a session of the moment.
   * @throws what `signal` was aborted with; AppError 'store.…'; the library's error when `isExpected` says so
   */
  ask<T>(
    asking: Asking,
    send: (sftp: SFTPWrapper) => Promise<T>,
    isExpected?: (failure: SftpFailure) => boolean,
  ): Promise<T>
  /** As `ask`, once, and with the library's errors. */
  once<T>(signal: AbortSignal, send: (sftp: SFTPWrapper) => Promise<T>): Promise<T>
  /** The session may be dead without a word: the next request gets another. */
  drop(): void
}

export interface ConnectionOptions extends Pick<SessionOptions, 'credentials'> {
  readonly remote: Remote<SftpFailure>
  /** Told the server's key when none was known. */
  readonly onHostKey?: ((fingerprint: string) => void) | undefined
}

export function connectSftp(config: SftpStoreConfig, options: ConnectionOptions): Connection {
  const { remote, credentials, onHostKey } = options
  let trusted = config.hostKey
  let current: Promise<Session> | undefined

  async function open(): Promise<Session> {
    let refused: string | undefined
    const isTrusted = (fingerprint: string): boolean => {
      if (trusted === undefined) onHostKey?.(fingerprint)
      trusted ??= fingerprint
      if (trusted !== fingerprint) refused = fingerprint
      return trusted === fingerprint
    }
    try {
      const { connectMsMax } = remote.policy
      return await openSession(config, { credentials, isTrusted, connectMsMax })
    } catch (error) {
      if (refused === undefined) throw error
      throw new AppError(
        'store.refused',
        `The server at ${remote.location} has the key ${refused}, not ${trusted}, which was known.`,
        {
          hint: 'Somebody may stand between. If the server was given a new key, ask who runs it and pin that one.',
          detail: { store: remote.location, hostKey: refused },
        },
      )
    }
  }

  async function session(): Promise<Session> {
    const kept = current && (await current.catch(() => undefined)) // Who opened it was told why it failed.
    if (kept?.isOpen()) return kept
    // Somebody else may have begun another meanwhile.
    if (kept) current = undefined
    current ??= open()
    const opening = current
    try {
      return await opening
    } catch (error) {
      if (current === opening) current = undefined
      throw error
    }
  }

  function drop(): void {
    const gone = current
    current = undefined
    gone?.then(
      (session_) => session_.end(),
      () => {}, // It never began.
    )
  }

  async function once<T>(signal: AbortSignal, send: (sftp: SFTPWrapper) => Promise<T>): Promise<T> {
    const aborted = rejectedWhenAborted(signal)
    try {
      const { sftp, ended } = await Promise.race([session(), aborted.promise])
      return await Promise.race([send(sftp), ended, aborted.promise])
    } catch (error) {
      // Whoever asked gave up, or the network did: what is still under way there is not known.
      if (signal.aborted || failureOf(error)?.code === 'network') drop()
      throw error
    } finally {
      aborted.stop()
    }
  }

  return {
    ...remote,
    once,
    drop,
    ask: (asking, send, isExpected) => askRemote(remote, asking, (signal) => once(signal, send), isExpected),
  }
}

function rejectedWhenAborted(signal: AbortSignal) {
  let stop = (): void => {}
  const promise = new Promise<never>((_, reject) => {
    const abort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    stop = () => signal.removeEventListener('abort', abort)
  })
  promise.catch(() => {}) // Met by the race, if it still runs.
  return { promise, stop: () => stop() }
}
