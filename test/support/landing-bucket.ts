import { existsSync, readdirSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { S3Client } from '@aws-sdk/client-s3'
import { createAdministration } from '../../src/access/create-administration.ts'
import type { Caller, Dataset } from '../../src/datasets/datasets.ts'
import { destinationSpecs } from '../../src/exports/destination-specs.ts'
import { type LandingBucket, openLandingBucket } from '../../src/exports/landing/landing-in-bucket.ts'
import type { FlowId } from '../../src/base/ids.ts'
import { selectSandboxIds } from '../../src/metadata/sandboxes.ts'
import { ExportBed, type FlowDestination, type Node } from './exports.ts'
import { type LandingApp, startLandingApp } from './landing-app.ts'
import type { S3Server } from './s3-server.ts'

const { connectionSpecId, flowSpecId } = destinationSpecs.landing

/** What a flow to the landing zone says of its destination. */
export const toLandingZone = (path: string): FlowDestination => ({
  specs: { connectionSpecId, flowSpecId },
  params: { path },
})

/** A bed whose landing zones are in a bucket, `some/zones` of it, and what a client of S3 sees of them. */
export interface LandingBed extends AsyncDisposable {
  readonly bed: ExportBed
  readonly app: LandingApp
  readonly bucket: string
  /** Of the caller's zone, where the server keeps it. */
  readonly folder: string
  /** Another place, or the same as another node opens it. */
  placeIn(location: string): Promise<LandingBucket>
  /** With a key of the caller's. */
  client(caller?: Caller): Promise<S3Client>
  /** Who may the same in a new sandbox. */
  callerIn(sandbox: string): Promise<Caller>
  /** Puts an object into the bucket, past its server. */
  put(key: string): Promise<string>
  /** A flow of a new dataset to `/feed` of the zone. */
  flow(node: Node): Promise<{ readonly flowId: FlowId; readonly dataset: Dataset }>
}

/** @param endpoint of something before the server */
export async function openLandingBed(server: S3Server, endpoint = server.endpoint): Promise<LandingBed> {
  await using stack = new AsyncDisposableStack()
  const bed = stack.use(await ExportBed.open())
  const bucket = await server.makeBucket()
  const placeIn = async (location: string) => {
    const place = await openLandingBucket(location, {
      home: join(bed.folder, 'home'),
      server: { region: server.region, endpoint },
      credentials: { s3: server.credentials },
      sandboxIds: () => selectSandboxIds(bed.metadata.db),
    })
    opened.use(place)
    return place
  }
  const opened = stack.use(new AsyncDisposableStack())
  bed.landing = await placeIn(`s3://${bucket}/some/zones`)
  const app = stack.use(await startLandingApp(bed))
  const started = stack.move()
  return {
    bed,
    app,
    bucket,
    folder: server.pathOf(bucket, `some/zones/${bed.caller.sandbox.id}`),
    placeIn,
    client: async (caller = bed.caller) => app.clientOf(await app.landing.key(caller, { renews: false })),
    callerIn: async (name) => {
      const { metadata, access, clock, caller } = bed
      const administration = createAdministration({ metadata, access, clock })
      await administration.createSandbox(caller, { name, title: name, type: 'development' })
      return { ...caller, sandbox: await access.sandbox(caller.principal, name) }
    },
    put: async (key) => {
      const path = server.pathOf(bucket, key)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, key)
      return path
    },
    flow: async (node) => {
      const dataset = await bed.dataset()
      return { dataset, flowId: await bed.flow(node, dataset, { destination: toLandingZone('/feed') }) }
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

/** In order, without what leads there. */
export function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted()
}
