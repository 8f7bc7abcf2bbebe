import type { IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'
import type { Clock } from '#base/clock.ts'
import { z } from 'zod'
import { ask, type Asking, type Remote } from '../remote/ask.ts'
import type { RemotePolicy } from '../remote/policy.ts'
import { type GcsFailure, gcsFailures, GcsRefusal } from './failure.ts'
import type { GcsStoreConfig } from './gcs-config.ts'
import { httpClient } from './http-client.ts'

/** One bucket, by the JSON interface, and how it is asked. */
export interface Connection extends Remote<GcsFailure>, Disposable {
  readonly bucket: string
  /** Sends one request; whoever asked reads the answer's body. @throws GcsRefusal for an answer that is no success */
  send(request: GcsRequest, signal: AbortSignal): Promise<IncomingMessage>
}

export interface GcsRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below the endpoint, encoded. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: readonly (string | Uint8Array)[]
}

export function connectGcs(
  config: GcsStoreConfig,
  options: {
    readonly token: (signal: AbortSignal) => Promise<string>
    readonly policy: RemotePolicy
    readonly clock: Clock
  },
): Connection {
  const { bucket, prefix } = config
  const { token, policy, clock } = options
  const endpoint = (config.endpoint ?? 'https://storage.googleapis.com').replace(/\/+$/, '')
  const client = httpClient(endpoint, policy)
  return {
    bucket,
    location: `gs://${bucket}${prefix === '' ? '' : `/${prefix}`}`,
    policy,
    clock,
    failures: gcsFailures,
    send: async ({ method, path, query = {}, headers = {}, body = [] }, signal) => {
      const url = new URL(`${endpoint}${path}`)
      for (const [key, value] of Object.entries(query))
        if (value !== undefined) url.searchParams.set(key, String(value))
      const authorization = `Bearer ${await token(signal)}`
      const answer = await client.send(url, { method, headers: { ...headers, authorization }, body, signal })
      const { statusCode: status = 0 } = answer
      if (status >= 200 && status < 300) return answer
      throw new GcsRefusal(status, await reasonOf(answer, status))
    },
    [Symbol.dispose]: () => client[Symbol.dispose](),
  }
}

/** Asks, again if need be, and reads the answer. */
export async function askJson<T>(
  connection: Connection,
  asking: Asking,
  request: GcsRequest,
  schema: z.ZodType<T>,
  isExpected?: (failure: GcsFailure) => boolean,
): Promise<T> {
  return await ask(
    connection,
    asking,
    async (signal) => schema.parse(await json(await connection.send(request, signal))),
    isExpected,
  )
}

/** Of the bucket's objects; a name's slashes are part of it. */
export function objectPath(connection: Connection, key: string): string {
  return `/storage/v1/b/${encodeURIComponent(connection.bucket)}/o/${encodeURIComponent(key)}`
}

const errorBody = z.object({
  error: z.object({
    message: z.string().optional(),
    errors: z.array(z.looseObject({ reason: z.string().optional() })).optional(),
  }),
})

async function reasonOf(answer: IncomingMessage, status: number): Promise<string> {
  const body: unknown = await json(answer).catch(() => undefined) // Some come without, or as plain text.
  const said = errorBody.safeParse(body).data?.error
  return said?.errors?.[0]?.reason ?? `HTTP ${status}`
}
