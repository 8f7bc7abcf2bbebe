import { createHash } from 'node:crypto'
import { connect as connectTo, type Socket } from 'node:net'
import type { Client, ConnectConfig, SFTPWrapper } from 'ssh2'
import { AppError } from '#base/errors.ts'
import { LostAnswer } from '../remote/failure.ts'
import type { SftpCredentials, SftpStoreConfig } from './sftp-config.ts'

/** One login, through which many requests go at a time. */
export interface Session {
  readonly sftp: SFTPWrapper
  /** Rejects when the connection is gone; never resolves. */
  readonly ended: Promise<never>
  readonly isOpen: () => boolean
  end(): void
}

export interface SessionOptions {
  readonly credentials: SftpCredentials
  /** Whether the server with this key may be talked to. */
  readonly isTrusted: (fingerprint: string) => boolean
  readonly connectMsMax: number
}

/** Others are slower; what a server does not know is left out of the talk. */
const ciphers = ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes256-ctr'] as const
const keepaliveMs = 10_000

/** @throws AppError 'store.refused' for a key that cannot be read; the library's error otherwise */
export async function openSession(config: SftpStoreConfig, options: SessionOptions): Promise<Session> {
  const { default: ssh2 } = await import('ssh2') // Not at start: most servers need no SFTP.
  const client = new ssh2.Client()
  const login = loginOf(options.credentials, ssh2.utils.parseKey)
  const socket = await openSocket(config, options.connectMsMax)
  let isOpen = true
  let fail: (error: Error) => void = () => {}
  const ended = new Promise<never>((_, reject) => (fail = reject))
  ended.catch(() => {}) // Whoever waits for an answer hears of it.
  const lose = (error?: Error): void => {
    isOpen = false
    socket.destroy()
    fail(error ?? new LostAnswer('The connection was closed.'))
  }
  client.on('error', lose)
  client.on('close', () => lose())
  const ready = async (): Promise<SFTPWrapper> => {
    await handshake(client, {
      sock: socket,
      username: config.username,
      ...login,
      hostVerifier: (key: Buffer) => options.isTrusted(fingerprintOf(key)),
      algorithms: { cipher: [...ciphers] },
      readyTimeout: options.connectMsMax * 4,
      keepaliveInterval: keepaliveMs,
      keepaliveCountMax: 3,
    })
    return await new Promise((resolve, reject) => {
      const late = (): void => reject(new LostAnswer('The server opens no channel.'))
      const timer = setTimeout(late, options.connectMsMax * 4).unref()
      client.sftp((error, channel) => {
        clearTimeout(timer)
        if (error) reject(error)
        else resolve(channel)
      })
    })
  }
  try {
    const sftp = await Promise.race([ready(), ended])
    sftp.on('close', () => lose())
    return { sftp, ended, isOpen: () => isOpen, end: () => (client.end(), lose()) }
  } catch (error) {
    lose()
    throw error
  }
}

async function handshake(client: Client, config: ConnectConfig): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    client.once('ready', resolve)
    client.once('error', reject)
    client.connect(config)
  })
}

/** Each small packet at once: waiting for more makes every request slow. */
async function openSocket({ host, port }: SftpStoreConfig, msMax: number): Promise<Socket> {
  const socket = connectTo({ host, port, noDelay: true })
  await new Promise<void>((resolve, reject) => {
    socket.setTimeout(msMax, () => socket.destroy(new LostAnswer('Nobody answers.')))
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  socket.setTimeout(0)
  gatherWrites(socket)
  return socket
}

/** What is written in one turn goes to the system at once: the library writes each packet in three pieces. */
function gatherWrites(socket: Socket): void {
  const write = socket.write.bind(socket) as (...given: unknown[]) => boolean
  let isCorked = false
  const gathered = (...given: unknown[]): boolean => {
    if (!isCorked) {
      isCorked = true
      socket.cork()
      process.nextTick(() => {
        isCorked = false
        socket.uncork()
      })
    }
    return write(...given)
  }
  socket.write = gathered
}

/** As `ssh-keygen -l` shows it. */
export function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`
}

function loginOf(
  credentials: SftpCredentials,
  parseKey: (data: string, passphrase?: string) => unknown,
): Pick<ConnectConfig, 'password' | 'privateKey' | 'passphrase' | 'tryKeyboard'> {
  if (credentials.kind === 'password') return { password: credentials.password }
  const { privateKey, passphrase } = credentials
  const parsed = parseKey(privateKey, passphrase)
  if (parsed instanceof Error) {
    throw new AppError('store.refused', 'The private key cannot be read.', {
      hint: 'Give it whole, in the form of OpenSSH or PEM, and its passphrase if it has one.',
    })
  }
  return { privateKey, ...(passphrase === undefined ? {} : { passphrase }) }
}
