import {
  ChannelCredentials,
  type ClientReadableStream,
  makeGenericClientConstructor,
  Metadata,
} from '@grpc/grpc-js'
import { type ExecuteResponse, serviceDefinition } from './messages.ts'

/** Where a Spark Connect server is, and what it wants to see. */
export interface SparkAddress {
  readonly host: string
  readonly port: number
  /** Sent with every call; a connection with a token is encrypted, unless it stays on this machine. */
  readonly token?: string | undefined
  readonly isEncrypted: boolean
}

/** Who calls, as Spark wants it said with every call. */
export interface SessionIdentity {
  readonly sessionId: string
  readonly userContext: { readonly userId: string; readonly userName: string }
  readonly clientType: string
}

export type UnaryMethod = 'AnalyzePlan' | 'Config' | 'Interrupt' | 'ReleaseExecute' | 'ReleaseSession'
export type StreamMethod = 'ExecutePlan' | 'ReattachExecute'

/** Messages come only as fast as they are taken: the rest waits in the network's window. */
export interface ResponseStream extends AsyncIterable<ExecuteResponse> {
  cancel(): void
}

/** The calls of Spark Connect, their failures as gRPC gives them. */
export interface Connection extends Disposable {
  call<T>(method: UnaryMethod, request: object, options?: { readonly timeoutMs?: number }): Promise<T>
  stream(method: StreamMethod, request: object): ResponseStream
}

type Unary = (
  request: object,
  metadata: Metadata,
  options: { readonly deadline: number },
  done: (error: Error | null, response: unknown) => void,
) => void
type Streaming = (request: object, metadata: Metadata) => ClientReadableStream<ExecuteResponse>

/** What `serviceDefinition` makes of the service. */
type Client = Readonly<Record<UnaryMethod, Unary>> &
  Readonly<Record<StreamMethod, Streaming>> & { close(): void }

/** A message holds one batch or a piece of one; Spark cuts batches at 128 MiB. */
const messageBytesMax = 192 * 1024 * 1024
const callTimeoutMs = 120_000
const keepAliveMs = 30_000

const SparkConnectClient = makeGenericClientConstructor(serviceDefinition(), 'SparkConnectService')

/** Connects when first called, and again after the connection was lost. */
export function connect({ host, port, token, isEncrypted }: SparkAddress): Connection {
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const credentials = isEncrypted ? ChannelCredentials.createSsl() : ChannelCredentials.createInsecure()
  const client = new SparkConnectClient(target, credentials, {
    'grpc.max_receive_message_length': messageBytesMax,
    'grpc.max_send_message_length': messageBytesMax,
    'grpc.keepalive_time_ms': keepAliveMs,
    'grpc.max_reconnect_backoff_ms': 2_000,
  }) as unknown as Client
  const metadata = new Metadata()
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`)
  return {
    call: <T>(method: UnaryMethod, request: object, { timeoutMs = callTimeoutMs } = {}) =>
      new Promise<T>((resolve, reject) => {
        client[method](request, metadata, { deadline: Date.now() + timeoutMs }, (error, response) => {
          if (error) reject(error)
          else resolve(response as T)
        })
      }),
    stream: (method, request) => heard(client[method](request, metadata)),
    [Symbol.dispose]: () => client.close(),
  }
}

/** An error that comes before the first message is asked for would otherwise be nobody's, and end the process. */
function heard(stream: ClientReadableStream<ExecuteResponse>): ResponseStream {
  let failure: Error | undefined
  stream.on('error', (error) => (failure = error))
  return {
    cancel: () => stream.cancel(),
    [Symbol.asyncIterator]: async function* () {
      yield* stream as AsyncIterable<ExecuteResponse>
      if (failure) throw failure
    },
  }
}
