import type { Clock } from '#base/clock.ts'
import { z } from 'zod'
import { ask, type Asking, type Remote } from '../remote/ask.ts'
import type { RemotePolicy } from '../remote/policy.ts'
import { type GcsFailure, gcsFailures, GcsRefusal } from './failure.ts'
import type { GcsStoreConfig } from './gcs-config.ts'

/** One bucket, by the JSON interface, and how it is asked. */
export interface Connection extends Remote<GcsFailure> {
  readonly bucket: string
  /** Sends one request. @throws GcsRefusal for an answer that is no success */
  send(request: GcsRequest, signal: AbortSignal): Promise<Response>
}

export interface GcsRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below the endpoint, encoded. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
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
  return {
    bucket,
    location: `gs://${bucket}${prefix === '' ? '' : `/${prefix}`}`,
    policy,
    clock,
    failures: gcsFailures,
    send: async ({ method, path, query = {}, headers = {}, body }, signal) => {
      const url = new URL(`${endpoint}${path}`)
      for (const [key, value] of Object.entries(query))
        if (value !== undefined) url.searchParams.set(key, String(value))
      const response = await fetch(url, {
        method,
        headers: { ...headers, authorization: `Bearer ${await token(signal)}` },
        signal,
        ...(body === undefined ? {} : { body: body as string | Uint8Array<ArrayBuffer> }),
      })
      if (response.ok) return response
      throw new GcsRefusal(response.status, await reasonOf(response))
    },
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
    async (signal) => schema.parse(await (await connection.send(request, signal)).json()),
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

async function reasonOf(response: Response): Promise<string> {
  const body: unknown = await response.json().catch(() => undefined) // Some come without, or as plain text.
  const said = errorBody.safeParse(body).data?.error
  return said?.errors?.[0]?.reason ?? `HTTP ${response.status}`
}
