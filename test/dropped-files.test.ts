import { readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { forgetFaultPoints } from '#base/faults.ts'
import type { DatasetId } from '#base/ids.ts'
import { type Actor, signIn } from './support/actor.ts'
import { testMetadata } from './support/metadata.ts'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'

const sandboxes = '/data/foundation/sandbox-management/sandboxes'
const catalog = '/data/foundation/catalog'
/** Beyond what the lake keeps of a table by itself. */
const longAgo = new Date(Date.now() - 8 * 86_400_000)

let folder: string
let home: string
let metadata: Awaited<ReturnType<typeof testMetadata>>
let product: Product
let admin: Actor

async function start(faultPoint?: string, env: Record<string, string> = {}): Promise<void> {
  product = await startProduct({
    home,
    env,
    databaseUrl: metadata.databaseUrl,
    ...(faultPoint === undefined ? {} : { faultPoint }),
  })
  admin = await signIn(product.http, JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8')))
}

beforeAll(async () => {
  folder = passableFolder('dropped')
  home = join(folder, 'home')
  metadata = await testMetadata()
  await start()
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await metadata[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const inLake = () => readdirSync(join(home, 'lake')).toSorted()

async function made(name: string, who = admin): Promise<DatasetId> {
  await who.must('POST', '/sluice/v1/sql', { sql: `CREATE TABLE ${name} AS SELECT 1 AS n` })
  return Object.keys(await who.must('GET', `${catalog}/dataSets?name=${name}`))[0] as DatasetId
}

async function deletedLongAgo(...ids: DatasetId[]): Promise<void> {
  await metadata.db.updateTable('datasets').set({ deleted_at: longAgo }).where('id', 'in', ids).execute()
}

async function sweep(): Promise<string> {
  const { runs } = await admin.must('POST', '/sluice/v1/maintenance', { tasks: ['sweep'] })
  return `/sluice/v1/maintenance/runs/${runs[0].id}`
}

async function newestSweep(): Promise<string> {
  const { id } = await metadata.db
    .selectFrom('job_runs')
    .select('id')
    .where('kind', '=', 'lake.sweep')
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow()
  return `/sluice/v1/maintenance/runs/${id}`
}

async function swept(path: string): Promise<Record<string, number>> {
  for (;;) {
    const run = await admin.must('GET', path)
    if (run.state === 'succeeded') return run.progress
    if (run.state === 'failed') throw new Error(JSON.stringify(run))
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

test('files of dropped datasets and of reset and deleted sandboxes go after the retention, pinned ones later', async () => {
  for (const name of ['place', 'gone']) {
    await admin.must('POST', sandboxes, { name, title: name, type: 'development' })
  }
  const [kept, recent, dropped, pinned] = [
    await made('kept'),
    await made('recent'),
    await made('dropped'),
    await made('pinned'),
  ]
  const [reset, deleted] = [await made('t', admin.in('place')), await made('t', admin.in('gone'))]
  for (const id of [recent, dropped, pinned]) await admin.must('DELETE', `${catalog}/dataSets/${id}`)
  await admin.must('PUT', `${sandboxes}/place`, { action: 'reset' })
  await admin.must('DELETE', `${sandboxes}/gone`)
  const all = [kept, recent, dropped, pinned, reset, deleted]
  await swept(await sweep())
  expect(inLake()).toEqual(all.toSorted()) // Nothing was deleted long enough ago.

  await deletedLongAgo(dropped, pinned, reset, deleted)
  const table = await metadata.db
    .selectFrom('lake_tables')
    .select(['id', 'snapshot_id'])
    .where('dataset_id', '=', pinned)
    .executeTakeFirstOrThrow()
  const until = new Date(Date.now() + 3_600_000)
  await metadata.db
    .insertInto('lake_pins')
    .values({ owner: 'a delivery', table_id: table.id, snapshot_id: table.snapshot_id!, until })
    .execute()
  const { filesRemoved } = await swept(await sweep())
  expect(filesRemoved).toBeGreaterThan(3 * 3)
  expect(inLake()).toEqual([kept, recent, pinned].toSorted())
  await metadata.db.deleteFrom('lake_pins').execute()
  await swept(await sweep())
  expect(inLake()).toEqual([kept, recent].toSorted())
  expect(await product.rows('SELECT n FROM kept')).toEqual([[1]])
})

test.each(forgetFaultPoints)('a server that is killed at %s goes on in its next life', async (point) => {
  const kept = inLake()
  const dropped = [await made('first'), await made('second')]
  for (const id of dropped) await admin.must('DELETE', `${catalog}/dataSets/${id}`)
  await deletedLongAgo(...dropped)
  await product[Symbol.asyncDispose]()
  await start(`${point}@server`)
  // The server may be gone before it has answered.
  const [asked] = await Promise.allSettled([sweep(), product.exited])
  await start()
  await swept(asked.status === 'fulfilled' ? asked.value : await newestSweep())
  // What was recorded for removal is left alone for a while: another server may be at it.
  await metadata.db.updateTable('lake_removals').set({ created_at: longAgo }).execute()
  await swept(await sweep())
  expect(inLake()).toEqual(kept)
  expect(await metadata.db.selectFrom('lake_removals').selectAll().execute()).toEqual([])
  expect(await product.rows('SELECT n FROM kept')).toEqual([[1]])
})

test('a server that starts forgets runs that are older than they are kept, and counts what they did', async () => {
  const removed = async (): Promise<number> => {
    const { tasks } = await admin.must('GET', '/sluice/v1/maintenance')
    return tasks.find(({ task }: { task: string }) => task === 'sweep').totals.filesRemoved
  }
  const path = await sweep()
  await swept(path)
  const before = await removed()
  expect(before).toBeGreaterThan(0)
  await metadata.db
    .updateTable('job_runs')
    .set({ finished_at: longAgo })
    .where('kind', '=', 'lake.sweep')
    .execute()
  await product[Symbol.asyncDispose]()
  await start(undefined, { SLUICE_JOBS_RETENTION_MS: '7d' })
  await expect.poll(async () => (await admin.ask('GET', path)).status, { timeout: 30_000 }).toBe(404)
  expect(await removed()).toBe(before)
})
