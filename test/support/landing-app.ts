import type { ServerResponse } from 'node:http'
import { GetObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3'
import { silentLogger } from '../../src/base/log.ts'
import { createLandingZones, type LandingKey, type LandingZones } from '../../src/exports/landing-zones.ts'
import type { HttpDependencies } from '../../src/http/dependencies.ts'
import { createApp } from '../../src/http/server.ts'
import type { ExportBed } from './exports.ts'

export const landingBucket = 'dlz-destination'
export const landingKeyMs = 12 * 3_600_000

/** What opens a landing zone. */
export type KeyPair = Pick<LandingKey, 'accessKeyId' | 'secretAccessKey' | 'sessionToken'>

/** The landing zones of a bed behind HTTP, and what a client of S3 asks of them; time is the bed's. */
export interface LandingApp extends AsyncDisposable {
  readonly landing: LandingZones
  /** `http://127.0.0.1:…/landing` */
  readonly endpoint: string
  clientOf(key: KeyPair): S3Client
}

export async function startLandingApp(bed: ExportBed): Promise<LandingApp> {
  await using stack = new AsyncDisposableStack()
  const { metadata, access, clock } = bed
  const landing = createLandingZones({
    metadata,
    access,
    secrets: await bed.secrets(),
    place: bed.landing,
    keyMs: landingKeyMs,
    clock,
  })
  const app = await createApp(withoutOthers({ access, landing, clock, logger: silentLogger, version: '0' }))
  stack.defer(() => app.close())
  // The client sets its clock by the server's.
  app.server.prependListener('request', (_, response: ServerResponse) =>
    response.setHeader('date', clock.now().toUTCString()),
  )
  const endpoint = `${await app.listen({ host: '127.0.0.1', port: 0 })}/landing`
  const started = stack.move()
  return {
    landing,
    endpoint,
    clientOf: (key) => {
      const client = landingClient(endpoint, key, clock.now().getTime() - Date.now())
      started.defer(() => client.destroy())
      return client
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

export function landingClient(endpoint: string, credentials: KeyPair, offsetMs = 0): S3Client {
  return new S3Client({
    endpoint,
    region: 'eu-central-1',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials,
    systemClockOffset: offsetMs,
  })
}

/** The name of the error that it was refused with; undefined: it was not. */
export async function refusal(asked: Promise<unknown>): Promise<string | undefined> {
  const error = await asked.then(
    () => undefined,
    (error: unknown) => error,
  )
  return (error as Error | undefined)?.name
}

export async function listed(
  client: S3Client,
  options: { readonly Prefix?: string; readonly MaxKeys?: number } = {},
): Promise<string[]> {
  const found: string[] = []
  for await (const { Contents = [] } of paginateListObjectsV2(
    { client },
    { Bucket: landingBucket, ...options },
  ))
    found.push(...Contents.map(({ Key }) => Key ?? ''))
  return found
}

export async function got(
  client: S3Client,
  Key: string,
  options: { readonly Range?: string; readonly IfMatch?: string } = {},
): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: landingBucket, Key, ...options }))
  return Buffer.from((await Body?.transformToByteArray()) ?? [])
}

/** Routes of other parts are registered, and asked by nobody here. */
function withoutOthers(parts: Partial<HttpDependencies>): HttpDependencies {
  const nothing: unknown = new Proxy(() => {}, { get: () => nothing })
  return new Proxy(parts, {
    get: (known, name) => (name in known ? known[name as keyof typeof known] : nothing),
  }) as HttpDependencies
}
