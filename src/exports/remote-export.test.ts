import { mkdtemp, rm } from 'node:fs/promises'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { FaultPoint } from '#base/faults.ts'
import type { FlowId } from '#base/ids.ts'
import {
  destinationKinds,
  type DestinationServer,
  startDestination,
  type TestDestination,
} from '../../test/support/destinations.ts'
import { ExportBed, stopAt } from '../../test/support/exports.ts'
import { collectAll } from '../../test/support/object-store-contract.ts'
import { parseManifestName } from './manifests/names.ts'
import { verifyLocation } from './verify/verify.ts'

const { signal } = new AbortController()
const range = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index)
/** Those at which a store has done something; every other one is tried on a local folder. */
const points: readonly FaultPoint[] = [
  'export.stage.middle',
  'export.seal.after',
  'export.complete.middle',
  'export.manifest.before',
]

test('servers of destinations are here to deliver to', () => {
  expect(destinationKinds.length).toBeGreaterThan(0)
})

describe.each(destinationKinds)('to %s', (kind) => {
  let server: DestinationServer
  beforeAll(async () => (server = await startDestination(kind)))
  afterAll(() => server[Symbol.asyncDispose]())

  async function open() {
    const bed = await ExportBed.open()
    onTestFinished(() => bed[Symbol.asyncDispose]())
    return { bed, destination: await server.make() }
  }

  test('everything is delivered, then what came since, and another program finds it there', async () => {
    const { bed, destination } = await open()
    const node = await bed.node()
    const dataset = await bed.dataset()
    const flowId = await bed.flow(node, dataset, { destination, params: { includeFileManifest: true } })
    await bed.append(dataset, 0, 100)
    expect(await bed.run(node, flowId)).toMatchObject({
      state: 'succeeded',
      result: { rowCount: 100, fileCount: 3, chainNumber: 1, content: 'full' },
    })
    await bed.append(dataset, 100, 50)
    expect(await bed.run(node, flowId)).toMatchObject({
      state: 'succeeded',
      result: { rowCount: 50, fileCount: 2, chainNumber: 2, content: 'increment' },
    })
    await expectDelivered(bed, destination, range(0, 150))
    await using store = await destination.open()
    for await (const { name } of store.list('', { signal })) {
      if (!name.includes(`/manifest-${flowId}-`)) continue
      const text = Buffer.concat(await collectAll(store.read(name, { signal }))).toString()
      const { exportResults } = JSON.parse(text) as {
        exportResults: { sinkPath: string }[]
      }
      const folder = name.slice(0, name.lastIndexOf('/'))
      for (const { sinkPath } of exportResults) expect(sinkPath).toMatch(new RegExp(`^/[^/].*/${folder}$`))
    }
  })

  test.each(points)('a delivery whose server is gone at %s is made by its next life', async (point) => {
    const { bed, destination } = await open()
    const before = await bed.node({ parallelRuns: false })
    const dataset = await bed.dataset()
    const flowId = await bed.flow(before, dataset, { destination })
    await bed.append(dataset, 0, 100)
    const gone = stopAt(point)
    onTestFinished(() => gone.end())
    const runId = await before.exports.runNow(bed.caller, flowId)
    await bed.reached(before, runId, gone)
    const names = await namesAt(destination)
    if (!names.some((name) => parseManifestName(name))) {
      // Whoever follows manifests sees nothing; before the seal nobody sees anything.
      if (point.startsWith('export.stage')) expect(names).toEqual([])
    }
    const next = await bed.node()
    expect(await bed.settled(next, runId)).toMatchObject({ state: 'succeeded', result: { rowCount: 100 } })
    await bed.append(dataset, 100, 50)
    expect(await bed.run(next, flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 50 } })
    await expectDelivered(bed, destination, range(0, 150))
    gone.end()
  })

  test('a staged part that vanished after the seal is made again', async () => {
    const { bed, destination } = await open()
    const node = await bed.node({ parallelRuns: false })
    const dataset = await bed.dataset()
    const flowId = await bed.flow(node, dataset, { destination })
    await bed.append(dataset, 0, 100)
    const sealed = stopAt('export.seal.after')
    const runId = await node.exports.runNow(bed.caller, flowId)
    await bed.reached(node, runId, sealed)
    const [part] = await bed.metadata.db.selectFrom('export_parts').select('token').execute()
    await using store = await destination.open()
    await store.abort(part!.token as unknown as Parameters<typeof store.abort>[0])
    sealed.release()
    expect(await bed.settled(node, runId)).toMatchObject({ state: 'succeeded', result: { rowCount: 100 } })
    await expectDelivered(bed, destination, range(0, 100))
  })

  test('what was staged by a run that is cancelled is taken away', async () => {
    const { bed, destination } = await open()
    const node = await bed.node()
    const dataset = await bed.dataset()
    const flowId = await bed.flow(node, dataset, { destination })
    await bed.append(dataset, 0, 100)
    const stop = stopAt('export.stage.done')
    const runId = await node.exports.runNow(bed.caller, flowId)
    await bed.reached(node, runId, stop)
    await node.jobs.cancel(runId, bed.caller.principal.id)
    stop.release()
    expect(await bed.settled(node, runId)).toMatchObject({ state: 'cancelled' })
    await expect.poll(() => copied(destination), { timeout: 30_000 }).toEqual([])
  })

  test('the secret is sealed, and shown nowhere', async () => {
    const { bed, destination } = await open()
    const node = await bed.node()
    const dataset = await bed.dataset()
    const flowId = await bed.flow(node, dataset, { destination })
    const [connection] = (await node.exports.entities(bed.caller, 'connections', {})).items
    const secrets = Object.values((destination.auth as { params: Record<string, unknown> }).params).filter(
      (value): value is string => typeof value === 'string' && value.length > 38 && !value.startsWith('http'),
    )
    expect(secrets.length).toBeGreaterThan(0)
    await bed.append(dataset, 0, 10)
    const runId = await node.exports.runNow(bed.caller, flowId)
    expect(await bed.settled(node, runId)).toMatchObject({ state: 'succeeded' })
    const kept = await Promise.all(
      (['flow_entities', 'export_runs', 'export_parts', 'secrets', 'job_runs'] as const).map((table) =>
        bed.metadata.db.selectFrom(table).selectAll().execute(),
      ),
    )
    const shown = JSON.stringify([
      connection,
      kept,
      await node.exports.runDocument(bed.caller, runId),
      (await node.exports.entities(bed.caller, 'flows', {})).items,
    ])
    for (const secret of secrets) expect(shown).not.toContain(secret)
    expect(connection).toMatchObject({ auth: { params: { authorizedDate: '2026-03-01' } } })
  })

  test('credentials that are changed are used by the next run; wrong ones fail it for good', async () => {
    const { bed, destination } = await open()
    const node = await bed.node()
    const dataset = await bed.dataset()
    const flowId = await bed.flow(node, dataset, { destination })
    await bed.append(dataset, 0, 10)
    const [connection] = (await node.exports.entities(bed.caller, 'connections', {})).items
    const { id } = connection as { readonly id: string }
    const change = async (params: object) => {
      const { etag } = (await node.exports.entity(bed.caller, 'connections', id)) as { readonly etag: string }
      await node.exports.patchEntity(bed.caller, 'connections', id, etag, [
        { op: 'replace', path: '/auth/params', value: params },
      ])
    }
    const { params } = destination.auth as { params: Record<string, string> }
    await change(wrong[kind]!(params))
    expect(await bed.run(node, flowId)).toMatchObject({ state: 'failed', code: 'store.refused' })
    await change(params)
    expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 10 } })
    expect(await bed.metadata.db.selectFrom('secrets').select('id').execute()).toHaveLength(1)
    await expectDelivered(bed, destination, range(0, 10))
  })
})

const wrong: Readonly<Record<string, (params: Record<string, string>) => object>> = {
  s3: () => ({ s3SecretKey: 'not-the-secret' }),
  azure: ({ connectionString = '' }) => ({
    connectionString: connectionString.replace(
      /AccountKey=[^;]+/,
      `AccountKey=${Buffer.alloc(64).toString('base64')}`,
    ),
  }),
  gcs: ({ serviceAccountKey = '' }) => ({
    serviceAccountKey: serviceAccountKey.replace(
      /BEGIN PRIVATE KEY-----\\nMII/,
      'BEGIN PRIVATE KEY-----\\nXXX',
    ),
  }),
  sftp: () => ({ username: 'nobody-of-that-name' }),
}

/** Exactly these rows lie there, by our verification and by another program; no trace is left of what went wrong. */
async function expectDelivered(
  bed: ExportBed,
  destination: TestDestination,
  ids: readonly number[],
): Promise<void> {
  await using store = await destination.open()
  const report = await verifyLocation({ store, signal })
  expect(report.findings).toEqual([])
  expect(report).toMatchObject({ isRight: true, rowCount: ids.length })
  await expect.poll(() => bed.spools()).toEqual([])
  const files = await copied(destination, async (folder, names) => {
    const parts = names.filter((name) => name.endsWith('.parquet')).map((name) => join(folder, name))
    expect(await bed.lake.idsOf(parts)).toEqual(ids)
  })
  // Also those under way: they are not ours to see, but another program's.
  expect(files.filter((name) => name.includes('/.') || name.startsWith('.'))).toEqual([])
}

/** What another program sees. */
async function copied(
  destination: TestDestination,
  look: (folder: string, names: readonly string[]) => Promise<void> = async () => {},
): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-copied-'))
  try {
    await destination.copyTo(folder)
    const names = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
      .sort()
    await look(folder, names)
    return names
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function namesAt(destination: TestDestination): Promise<readonly string[]> {
  await using store = await destination.open()
  return (await collectAll(store.list('', { signal }))).map(({ name }) => name)
}

/** Of SFTP alone: other servers prove who they are otherwise. */
test.skipIf(!destinationKinds.includes('sftp'))(
  'a server’s key is pinned by the first delivery and shown; another one is refused',
  async () => {
    await using server = await startDestination('sftp')
    const bed = await ExportBed.open()
    onTestFinished(() => bed[Symbol.asyncDispose]())
    const destination = await server.make()
    const node = await bed.node()
    const dataset = await bed.dataset()
    const flowId: FlowId = await bed.flow(node, dataset, { destination })
    const hostKey = async () => {
      const [connection] = (await node.exports.entities(bed.caller, 'connections', {})).items
      return (connection as { auth: { params: { hostKey?: string } } }).auth.params.hostKey
    }
    expect(await hostKey()).toBeUndefined()
    expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded' })
    expect(await hostKey()).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/)
    const pinned = await hostKey()
    expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded' })
    expect(await hostKey()).toBe(pinned)
  },
)
