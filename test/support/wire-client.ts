import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'

/** A message of the server: its type and what is in it. */
export interface ServerMessage {
  readonly type: string
  readonly payload: Buffer
}

/** A PostgreSQL client that says exactly what a test tells it to, byte for byte. Written apart from the server's codec. */
export class WireClient implements AsyncDisposable {
  #socket: Socket | TLSSocket
  #bytes = Buffer.alloc(0)
  #wake: () => void = () => {}
  #isOver = false
  backendKey: { processId: number; secret: Buffer } | undefined
  readonly parameters = new Map<string, string>()

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#listen(socket)
  }

  /** By a port of this machine, or the path of a unix socket. */
  static async connect(where: number | string): Promise<WireClient> {
    const socket = connect(typeof where === 'string' ? { path: where } : { host: '127.0.0.1', port: where })
    await once(socket, 'connect')
    return new WireClient(socket)
  }

  /** Connected, signed in and ready. */
  static async signedIn(
    port: number,
    options: { user?: string; password?: string; parameters?: Record<string, string>; version?: number } = {},
  ): Promise<WireClient> {
    const client = await WireClient.connect(port)
    const { user = 'ann', password = 'secret', parameters = {}, version } = options
    client.send(startup({ user, database: 'prod:all', ...parameters }, version))
    await client.signIn(password)
    await client.untilReady()
    return client
  }

  /** Sends SSLRequest and, once the server agrees, goes on encrypted. */
  async encrypt(stuffing: Buffer = Buffer.alloc(0)): Promise<string> {
    this.send(Buffer.concat([bare(int32(80877103)), stuffing]))
    const answer = (await this.rawBytes(1)).toString('latin1')
    if (answer !== 'S') return answer
    this.#socket.removeAllListeners('data')
    const socket = connectTls({ socket: this.#socket, rejectUnauthorized: false })
    this.#socket = socket
    this.#listen(socket)
    await once(socket, 'secureConnect')
    return answer
  }

  async signIn(password: string): Promise<void> {
    const nonce = randomBytes(12).toString('base64')
    const bare = `n=,r=${nonce}`
    await this.expect('R')
    const first = Buffer.from(`n,,${bare}`)
    this.send(message('p', cText('SCRAM-SHA-256'), int32(first.length), first))
    const serverFirst = (await this.expect('R')).payload.subarray(4).toString()
    const [, serverNonce = '', salt = '', iterations = ''] = /^r=(.*),s=(.*),i=(\d+)$/.exec(serverFirst) ?? []
    const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(iterations), 32, 'sha256')
    const clientKey = createHmac('sha256', salted).update('Client Key').digest()
    const storedKey = createHash('sha256').update(clientKey).digest()
    const last = `c=biws,r=${serverNonce}`
    const signature = createHmac('sha256', storedKey).update(`${bare},${serverFirst},${last}`).digest()
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ signature[index]!)).toString('base64')
    this.send(message('p', Buffer.from(`${last},p=${proof}`)))
  }

  send(...parts: readonly Uint8Array[]): void {
    this.#socket.write(Buffer.concat(parts))
  }

  /** Stops taking what the server sends. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Goes away without a word. */
  destroy(): void {
    this.#socket.destroy()
  }

  /** The next message; undefined when the server has closed the connection. */
  async next(): Promise<ServerMessage | undefined> {
    for (;;) {
      const length = this.#bytes.length >= 5 ? this.#bytes.readInt32BE(1) : Number.POSITIVE_INFINITY
      if (this.#bytes.length > length) {
        const type = String.fromCharCode(this.#bytes[0]!)
        const payload = Buffer.from(this.#bytes.subarray(5, length + 1))
        this.#bytes = this.#bytes.subarray(length + 1)
        if (type === 'K') this.backendKey = { processId: payload.readInt32BE(0), secret: payload.subarray(4) }
        if (type === 'S') {
          const [name = '', value = ''] = payload.toString().split('\0')
          this.parameters.set(name, value)
        }
        return { type, payload }
      }
      if (this.#isOver) return undefined
      await this.#more()
    }
  }

  async expect(type: string): Promise<ServerMessage> {
    const got = await this.next()
    if (got?.type === type) return got
    throw new Error(
      `Expected ${type}, got ${got ? `${got.type} ${JSON.stringify(got.payload.toString())}` : 'the end'}`,
    )
  }

  /** Everything up to ReadyForQuery, with it. */
  async untilReady(): Promise<ServerMessage[]> {
    const messages: ServerMessage[] = []
    for (;;) {
      const got = await this.next()
      if (!got)
        throw new Error(
          `The server closed after ${messages.map(({ type }) => type).join('')}: ${messages.map(({ payload }) => payload.toString()).join('|')}`,
        )
      messages.push(got)
      if (got.type === 'Z') return messages
    }
  }

  /** Everything up to the end of the connection. */
  async untilEnd(): Promise<ServerMessage[]> {
    const messages: ServerMessage[] = []
    for (let got = await this.next(); got; got = await this.next()) messages.push(got)
    return messages
  }

  async rawBytes(count: number): Promise<Buffer> {
    while (this.#bytes.length < count && !this.#isOver) await this.#more()
    const bytes = this.#bytes.subarray(0, count)
    this.#bytes = this.#bytes.subarray(count)
    return bytes
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.destroyed) return
    const closed = once(this.#socket, 'close')
    this.#socket.destroy()
    await closed
  }

  #listen(socket: Socket): void {
    const over = (): void => {
      this.#isOver = true
      this.#wake()
    }
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#wake()
    })
    socket.on('end', over).on('close', over).on('error', over)
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

export const types = (messages: readonly ServerMessage[]): string => messages.map(({ type }) => type).join('')

/** Fields of an ErrorResponse or NoticeResponse by their letter. */
export function errorFields({ payload }: ServerMessage): Record<string, string> {
  const parts = payload.toString('utf8').split('\0').filter(Boolean)
  return Object.fromEntries(parts.map((part) => [part.slice(0, 1), part.slice(1)]))
}

/** Text columns of a DataRow. */
export function rowTexts({ payload }: ServerMessage): (string | null)[] {
  const texts: (string | null)[] = []
  let offset = 2
  for (let column = 0; column < payload.readInt16BE(0); column++) {
    const length = payload.readInt32BE(offset)
    offset += 4
    texts.push(length < 0 ? null : payload.toString('utf8', offset, offset + length))
    offset += Math.max(0, length)
  }
  return texts
}

export const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}
export const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
export const cText = (text: string): Buffer => Buffer.from(`${text}\0`)

/** A message without a type byte. */
export function bare(...parts: readonly Uint8Array[]): Buffer {
  const payload = Buffer.concat(parts)
  return Buffer.concat([int32(payload.length + 4), payload])
}

export const message = (type: string, ...parts: readonly Uint8Array[]): Buffer =>
  Buffer.concat([Buffer.from(type), bare(...parts)])

export const startup = (parameters: Record<string, string>, version = 3 << 16): Buffer =>
  bare(
    int32(version),
    ...Object.entries(parameters).flatMap(([name, value]) => [cText(name), cText(value)]),
    Buffer.from([0]),
  )

export const query = (sql: string): Buffer => message('Q', cText(sql))
export const parse = (sql: string, { name = '', oids = [] as number[] } = {}): Buffer =>
  message('P', cText(name), cText(sql), int16(oids.length), ...oids.map(int32))
export const bind = ({
  portal = '',
  statement = '',
  values = [] as (Buffer | null)[],
  formats = [] as number[],
  resultFormats = [] as number[],
} = {}): Buffer =>
  message(
    'B',
    cText(portal),
    cText(statement),
    int16(formats.length),
    ...formats.map(int16),
    int16(values.length),
    ...values.flatMap((value) => (value === null ? [int32(-1)] : [int32(value.length), value])),
    int16(resultFormats.length),
    ...resultFormats.map(int16),
  )
export const describe = (target: 'S' | 'P', name = ''): Buffer =>
  message('D', Buffer.from(target), cText(name))
export const execute = (rowCountMax = 0, portal = ''): Buffer =>
  message('E', cText(portal), int32(rowCountMax))
export const close = (target: 'S' | 'P', name = ''): Buffer => message('C', Buffer.from(target), cText(name))
export const sync = message('S')
export const flush = message('H')
export const terminate = message('X')
export const cancelRequest = ({ processId, secret }: { processId: number; secret: Buffer }): Buffer =>
  bare(int32(80877102), int32(processId), secret)
