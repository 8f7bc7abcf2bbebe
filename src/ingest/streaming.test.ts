import { randomUUID } from 'node:crypto'
import { appendFile, mkdir, open, readdir, rename, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Clock, systemClock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { armFaults } from '#base/faults.ts'
import { type Logger, silentLogger } from '#base/log.ts'
import type { Dataset } from '#datasets/datasets.ts'
import { arrayType, longType, mapType, stringType, type Field } from '#types/data-type.ts'
import type { IngestNode } from '../../test/support/ingest.ts'
import { bed, node } from '../../test/support/one-ingest.ts'
import { hangingAt } from '../../test/support/lake.ts'
import { smallDisk } from '../../test/support/small-disk.ts'
import { createStreaming, type StreamingRules } from './create-streaming.ts'
import type { OpenInlet, Streaming } from './streaming.ts'
import { frameOf, segmentHead } from './streaming/segment.ts'

const columns: readonly Field[] = [
  { name: '_id', type: stringType },
  { name: 'n', type: longType },
]
let inlet: OpenInlet
let logs = 0

beforeAll(async () => {
  await using streaming = await stream()
  const made = await streaming.createInlet(bed.caller, {
    name: 'events',
    sourceId: 'events',
    requiresAuthentication: false,
  })
  inlet = await streaming.opened(made.inletId)
})
afterEach(() => {
  armFaults(undefined)
  vi.useRealTimers()
})

const newFolder = () => join(bed.folder, `streams-${(logs += 1)}`)

interface StreamOptions {
  readonly logger?: Logger
  readonly folder?: string
  readonly stagingFolder?: string
  readonly at?: IngestNode
  readonly clock?: Clock
}

/** A node's share; another with its folder is the next life of it. */
async function stream({
  folder = newFolder(),
  stagingFolder = bed.staging,
  at = node,
  clock = systemClock,
  logger = silentLogger,
  ...rules
}: Partial<StreamingRules> & StreamOptions = {}): Promise<Streaming> {
  const streaming = createStreaming({
    metadata: bed.metadata,
    access: bed.access,
    engine: bed.engine,
    jobs: at.jobs,
    folder,
    stagingFolder,
    rules: {
      batchBytes: 64 * 1024 * 1024,
      batchMs: 50,
      logBytes: 1024 ** 3,
      duplicateWindowMs: 3_600_000,
      ...rules,
    },
    clock,
    logger,
  })
  await streaming.start()
  return streaming
}

function message(dataset: Dataset, entity: unknown) {
  return {
    header: {
      schemaRef: { id: dataset.schemaId, contentType: 'application/vnd.adobe.xed-full+json;version=1' },
      imsOrgId: bed.caller.sandbox.organizationId,
      datasetId: dataset.id,
    },
    body: { xdmMeta: { schemaRef: { id: dataset.schemaId } }, xdmEntity: entity },
  }
}

const call = (messages: readonly unknown[]) => ({ text: JSON.stringify({ messages }), isSeveral: true })

async function send(streaming: Streaming, dataset: Dataset, entities: readonly unknown[]) {
  const messages = entities.map((entity) => message(dataset, entity))
  return await streaming.accept(inlet, call(messages), { isSynchronous: false })
}

const row = (n: number) => ({ _id: `e${n}`, n })

async function until(dataset: Dataset, rows: readonly unknown[]): Promise<void> {
  await vi.waitFor(async () => expect((await bed.rows(dataset)).map(([, n]) => n)).toEqual(rows), {
    timeout: 30_000,
    interval: 50,
  })
}

const batchesOf = async (dataset: Dataset) =>
  await bed.datasets.batches(bed.caller, { datasetId: dataset.id, limit: 10, start: 0 })

test('a segment is loaded by the node that took its messages', async () => {
  const dataset = await bed.dataset(columns)
  const staging = join(bed.folder, 'staging-down')
  await using down = await bed.node({ nodeId: 'down', staging, isIdle: true })
  await using streaming = await stream({ at: down, stagingFolder: staging })
  await send(streaming, dataset, [row(1)])
  await vi.waitFor(async () => expect(await batchesOf(dataset)).toMatchObject([{ state: 'queued' }]), 20_000)
  // Enqueued later: the other node has passed the segment by.
  await bed.load(node, dataset, { 'a.json': '{"_id":"x","n":2}' })
  expect((await batchesOf(dataset)).map(({ state, nodeId }) => `${state} ${nodeId}`).toSorted()).toEqual([
    'queued down',
    'success a',
  ])
  await using _up = await bed.node({ nodeId: 'down', staging })
  await until(dataset, [1, 2])
})

test('batches that wait for another node hold nobody up', async () => {
  const dataset = await bed.dataset(columns)
  const waiting = `WAIT${dataset.id.slice(-8)}`
  await sql`insert into batches (id, dataset_id, sandbox_id, state, format, node_id, created_at, updated_at, record_count,
      failed_record_count, bytes, errors, tags)
    select ${waiting} || n, ${dataset.id}, ${bed.caller.sandbox.id}, 'queued', 'json', 'down', now(), now(), 0, 0, 0, '[]', '{}'
    from generate_series(1, 200) n`.execute(bed.metadata.db)
  await using streaming = await stream()
  await send(streaming, dataset, [row(1)])
  await until(dataset, [1])
  await sql`delete from batches where id like ${`${waiting}%`}`.execute(bed.metadata.db)
})

test('rows whose _id is a number are all loaded, however much alike', async () => {
  await using streaming = await stream()
  const dataset = await bed.dataset([
    { name: '_id', type: longType },
    { name: 'n', type: longType },
  ])
  const rows = Array.from({ length: 36 }, (_, n) => ({ _id: 100_005 + 10 * n, n }))
  // What rows and messages look like is learnt from the first two calls.
  for (const some of [rows.slice(0, 32), rows.slice(32, 33), rows.slice(33)]) {
    await send(streaming, dataset, some)
  }
  await until(
    dataset,
    rows.map(({ n }) => n),
  )
  // Cut at both ends these would be the same.
  await send(streaming, dataset, [
    { _id: 12_345, n: 36 },
    { _id: 92_346, n: 37 },
  ])
  await until(dataset, [...rows.map(({ n }) => n), 36, 37])
  // Known again, however they are written.
  await send(streaming, dataset, [
    { _id: 12_345, n: 38 },
    { _id: '100005.0', n: 39 },
    { _id: 7, n: 40 },
  ])
  await until(dataset, [...rows.map(({ n }) => n), 36, 40, 37])
})

test('messages come into their datasets, those of one call into several', async () => {
  await using streaming = await stream()
  const [one, other] = [await bed.dataset(columns), await bed.dataset(columns)]
  const { results } = await streaming.accept(
    inlet,
    call([message(one, row(1)), message(other, row(2)), message(one, row(3))]),
    { isSynchronous: false },
  )
  expect(results.map(({ isTaken }) => isTaken)).toEqual([true, true, true])
  await until(one, [1, 3])
  await until(other, [2])
  await vi.waitFor(
    () => expect(streaming.status()).toMatchObject({ accepted: 3, segments: 0, waitingBytes: 0 }),
    30_000,
  )
})

test('a message is refused for what it is, beside others that are taken', async () => {
  await using streaming = await stream()
  const dataset = await bed.dataset(columns)
  const good = message(dataset, row(1))
  const { results } = await streaming.accept(
    inlet,
    call([
      good,
      'text',
      { ...good, header: { ...good.header, imsOrgId: 'other@AdobeOrg' } },
      { ...good, header: { ...good.header, datasetId: '0'.repeat(24) } },
      { ...good, header: { ...good.header, schemaRef: { id: 'https://ns.adobe.com/x/schemas/y' } } },
      { ...good, body: { xdmEntity: [] } },
      message(dataset, { _id: 'e2', n: 'two' }),
    ]),
    { isSynchronous: true },
  )
  expect(
    results.map((result) => (result.isTaken ? 'taken' : (result.reason as { code?: string }).code)),
  ).toEqual([
    'taken',
    'ingest.invalid',
    'ingest.invalid',
    'dataset.unknown',
    'ingest.invalid',
    'ingest.invalid',
    'ingest.invalid',
  ])
  await until(dataset, [1])
})

test('what does not fit the schema is left out of its batch and makes one that failed; mended it is no duplicate', async () => {
  await using streaming = await stream()
  const dataset = await bed.dataset(columns)
  await send(streaming, dataset, [row(1), { _id: 'e2', n: 'two' }])
  await until(dataset, [1])
  const batches = await batchesOf(dataset)
  expect(batches.find(({ state }) => state === 'success')).toMatchObject({
    recordCount: 1,
    failedRecordCount: 0,
    errors: [],
  })
  const failed = batches.find(({ state }) => state === 'failed')
  expect(failed).toMatchObject({
    recordCount: 0,
    failedRecordCount: 1,
    errors: [{ description: '1 of 2 rows were refused.' }, { code: 'INGEST-1401-400' }],
  })
  expect(await node.ingest.rejects(bed.caller, failed!.id, { limit: 10 })).toMatchObject([
    { code: 'INGEST-1401-400', fileName: 'messages.json' },
  ])
  await send(streaming, dataset, [row(2)])
  await until(dataset, [1, 2])
})

test('what only a constraint refuses may come again mended; what it came beside may not come twice', async () => {
  const { id } = await bed.schemas.create(bed.caller, 'schemas', {
    title: randomUUID(),
    type: 'object',
    properties: { _id: { type: 'string' }, n: { type: 'integer', minimum: 1 } },
  })
  const dataset = await bed.datasets.create(bed.caller, {
    name: randomUUID(),
    schema: { kind: 'registered', id },
  })
  await using streaming = await stream()
  // The last has the _id of one that is loaded, and does not fit at all.
  await send(streaming, dataset, [row(1), { _id: 'e2', n: 0 }, row(3), { _id: 'e3', n: 'three' }])
  await until(dataset, [1, 3])
  await vi.waitFor(
    async () =>
      expect((await batchesOf(dataset)).find(({ state }) => state === 'failed')).toMatchObject({
        failedRecordCount: 2,
      }),
    { timeout: 10_000 },
  )
  await send(streaming, dataset, [row(1), row(2), row(3)])
  await until(dataset, [1, 2, 3])
  expect(streaming.status().duplicates).toBe(2)
})

test('synchronous validation asks constraints too, of each dataset of a call its own', async () => {
  const made = async (properties: object) => {
    const { id } = await bed.schemas.create(bed.caller, 'schemas', {
      title: randomUUID(),
      type: 'object',
      properties: { _id: { type: 'string' }, ...properties },
    })
    return await bed.datasets.create(bed.caller, {
      name: randomUUID(),
      schema: { kind: 'registered', id },
    })
  }
  const one = await made({
    n: { type: 'integer', minimum: 1 },
    lines: {
      type: 'array',
      items: { type: 'object', properties: { sku: { type: 'string', pattern: '^S' } } },
    },
  })
  const other = await made({ n: { type: 'integer', maximum: 9 }, kind: { type: 'string', enum: ['a', 'b'] } })
  await using streaming = await stream()
  const messages = [
    message(one, row(1)),
    message(one, { _id: 'e2', n: 0 }),
    message(other, { _id: 'e2', n: 2, kind: 'c' }),
    message(one, { _id: 'e3', n: 'three' }),
    message(one, { _id: 'e4', lines: [{ sku: 'S1' }, { sku: 'T1' }] }),
    message(other, { _id: 'e2', n: 2, kind: 'b' }),
  ]
  const { results } = await streaming.accept(inlet, call(messages), { isSynchronous: true })
  const told = (text: string) => ({ isTaken: false, reason: { message: expect.stringContaining(text) } })
  expect(results).toMatchObject([
    { isTaken: true },
    told('the field "n" is less than 1'),
    told('the field "kind" is none of ["a","b"]'),
    told('the field "n" is int, "three" came'),
    told('the field "lines[].sku" does not match the pattern "^S"'),
    { isTaken: true },
  ])
  // What was refused at once does not keep its _id.
  await streaming.accept(inlet, call([message(one, row(2))]), { isSynchronous: true })
  await until(one, [1, 2])
  await until(other, [2])
  expect((await readdir(bed.staging)).filter((name) => name.startsWith('look-'))).toEqual([])
})

test.each(['a\0b', '\ud800'])(
  'a text that no table holds does not keep its _id from the mended one: %j',
  async (text) => {
    await using streaming = await stream()
    const dataset = await bed.dataset([
      ...columns,
      { name: 'texts', type: arrayType(stringType) },
      { name: 'text', type: stringType },
    ])
    await send(streaming, dataset, [
      { ...row(1), text },
      { ...row(2), texts: [text] },
    ])
    await vi.waitFor(async () => expect(await batchesOf(dataset)).toMatchObject([{ failedRecordCount: 2 }]), {
      timeout: 10_000,
    })
    await send(streaming, dataset, [row(1), row(2)])
    await until(dataset, [1, 2])
    const refused = await streaming.accept(inlet, call([message(dataset, { ...row(3), text })]), {
      isSynchronous: true,
    })
    expect(refused.results).toMatchObject([{ isTaken: false, reason: { code: 'ingest.invalid' } }])
  },
)

test('a message with more keys than a load reads is refused when it comes', async () => {
  await using streaming = await stream()
  const dataset = await bed.dataset([...columns, { name: 'counts', type: mapType(stringType, longType) }])
  const counts = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [at.toString(36), 1]))
  const sent = async (count: number, isSynchronous: boolean) => {
    const text = JSON.stringify(message(dataset, { ...row(1), counts: counts(count) }))
    return (await streaming.accept(inlet, { text, isSeveral: false }, { isSynchronous })).results
  }
  for (const isSynchronous of [false, true]) {
    expect(await sent(100_001, isSynchronous)).toMatchObject([
      {
        isTaken: false,
        reason: { code: 'ingest.invalid', message: expect.stringContaining('more than 100000 keys') },
      },
    ])
  }
  expect(await sent(99_997, false)).toMatchObject([{ isTaken: true }])
  await until(dataset, [1])
})

test('a call has a greatest number of messages', async () => {
  await using streaming = await stream()
  const messages = Array.from({ length: 10_001 }, () => 1)
  await expect(streaming.accept(inlet, call(messages), { isSynchronous: false })).rejects.toMatchObject({
    code: 'request.invalid',
  })
})

describe('a message that comes twice', () => {
  test('is dropped when its batch was replayed: the new batch has its rows', async () => {
    const dataset = await bed.dataset(columns)
    await using streaming = await stream()
    await send(streaming, dataset, [row(1)])
    await until(dataset, [1])
    const [batch] = await batchesOf(dataset)
    await bed.load(node, dataset, { 'a.json': JSON.stringify(row(1)) }, { replaces: [batch!.id] })
    await send(streaming, dataset, [row(1), row(2)])
    await until(dataset, [1, 2])
    await vi.waitFor(() => expect(streaming.status().duplicates).toBe(1), 30_000)
  })

  test('is there once, in one call, in two, and at two nodes', async () => {
    const dataset = await bed.dataset(columns)
    await using one = await stream()
    await using other = await stream()
    await send(one, dataset, [row(1), row(1), row(2)])
    await until(dataset, [1, 2])
    await Promise.all([send(one, dataset, [row(2), row(3)]), send(other, dataset, [row(1), row(3), row(4)])])
    await until(dataset, [1, 2, 3, 4])
    await vi.waitFor(() => expect(one.status().duplicates + other.status().duplicates).toBe(4), 30_000)
  })

  test('is taken again when the window is over, and when its batch was reverted', async () => {
    const dataset = await bed.dataset(columns)
    await using brief = await stream({ duplicateWindowMs: 1 })
    await send(brief, dataset, [row(1)])
    await until(dataset, [1])
    await send(brief, dataset, [row(1)])
    await until(dataset, [1, 1])
    await using streaming = await stream()
    await send(streaming, dataset, [row(9)])
    await until(dataset, [1, 1, 9])
    const [batch] = await batchesOf(dataset)
    await node.ingest.revert(bed.caller, batch!.id)
    await until(dataset, [1, 1])
    await send(streaming, dataset, [row(9)])
    await until(dataset, [1, 1, 9])
  })
})

test.each([
  ['back', -86_400_000],
  ['forwards', 30 * 86_400_000],
])('a clock that jumps %s neither holds a segment back nor lets a message come twice', async (_, jumpMs) => {
  const dataset = await bed.dataset(columns)
  vi.useFakeTimers({ toFake: ['Date'], shouldAdvanceTime: true })
  await using streaming = await stream({ batchMs: 1_000 })
  await send(streaming, dataset, [row(1)])
  // While the segment ages.
  vi.setSystemTime(Date.now() + jumpMs)
  await until(dataset, [1])
  await send(streaming, dataset, [row(1), row(2)])
  await until(dataset, [1, 2])
  await vi.waitFor(() => expect(streaming.status()).toMatchObject({ duplicates: 1, segments: 0 }), 30_000)
})

/** Of this test's database. */
async function lockWaits(): Promise<number | undefined> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`.execute(bed.metadata.db)
  return rows[0]?.n
}

describe.each(['stream.staged', 'stream.queued'] as const)('a node that dies at %s', (point) => {
  test('loads in its next life what it had accepted, once', async () => {
    const dataset = await bed.dataset(columns)
    const folder = newFolder()
    const dying = await stream({ folder })
    const hanging = await hangingAt(point, async () => {
      await send(dying, dataset, [row(1), row(2)])
      await until(dataset, [1, 2])
    })
    await using next = await stream({ folder, batchMs: 1 })
    // The transaction of the one that hangs before its end keeps the batch from the other, as a dead one's would not. It wakes
    // when the other has read the segment, which it removes.
    if (point === 'stream.staged') {
      await vi.waitFor(async () => expect(await lockWaits()).toBe(1), 30_000)
      hanging.release()
    }
    await vi.waitFor(() => expect(next.status().segments).toBe(0), 30_000)
    await until(dataset, [1, 2])
    hanging.release()
    await dying[Symbol.asyncDispose]()
    await until(dataset, [1, 2])
    expect(await batchesOf(dataset)).toHaveLength(1)
  })
})

describe('the log', () => {
  test('takes rows of one call for several datasets together, or none', async () => {
    const [one, other] = [await bed.dataset(columns), await bed.dataset(columns)]
    await using streaming = await stream({ batchMs: 3_600_000, logBytes: 500 })
    const messages = [message(one, row(1)), message(other, { _id: 'x'.repeat(300), n: 2 })]
    await expect(streaming.accept(inlet, call(messages), { isSynchronous: false })).rejects.toMatchObject({
      code: 'limit.exceeded',
    })
    expect(streaming.status()).toMatchObject({ accepted: 0, waitingBytes: 0, segments: 0 })
  })

  test('that was torn at its end gives what was whole', async () => {
    const dataset = await bed.dataset(columns)
    const folder = newFolder()
    const dying = await stream({ folder, batchMs: 3_600_000 })
    await send(dying, dataset, [row(1)])
    await send(dying, dataset, [row(2)])
    await dying[Symbol.asyncDispose]()
    const [name] = await readdir(folder)
    const path = join(folder, name!)
    const { size } = await stat(path)
    await truncate(path, size - 3)
    await appendFile(path, Buffer.alloc(500))
    const logged: unknown[] = []
    const logger: Logger = {
      log: (_level, event, fields) => void logged.push([event, fields]),
      child: () => logger,
    }
    await using next = await stream({ folder, logger })
    await until(dataset, [1])
    await vi.waitFor(async () => expect(await readdir(folder)).toEqual([]), 30_000)
    const frameBytes = (size - segmentHead().byteLength) / 2
    expect(logged).toContainEqual([
      'stream.log.left_out',
      { path, bytes: frameBytes - 3 + 500, isWhole: false },
    ])
    expect(next.status().setAside).toBe(0)
  })

  test('that is damaged when it is whole gives what can be read, and keeps the file', async () => {
    const dataset = await bed.dataset(columns)
    const folder = newFolder()
    const damaged = await stream({ folder, batchMs: 3_600_000, batchBytes: 10_000 })
    for (const n of [1, 2, 3]) await send(damaged, dataset, [row(n)])
    const [name] = await readdir(folder)
    const path = join(folder, name!)
    const frameBytes = ((await stat(path)).size - segmentHead().byteLength) / 3
    await using file = await open(path, 'r+')
    await file.write('#', segmentHead().byteLength + 2 * frameBytes - 5)
    // Now it is full, and so whole: by its age it might be before it is damaged.
    await send(damaged, dataset, [{ _id: 'x'.repeat(10_000), n: 4 }])
    await until(dataset, [1])
    await vi.waitFor(async () => expect(await readdir(folder)).toEqual([`${name}.damaged`]), 30_000)
    expect(damaged.status()).toMatchObject({ setAside: 1, segments: 0, waitingBytes: 0 })
    await damaged[Symbol.asyncDispose]()
    await using next = await stream({ folder })
    expect(next.status()).toMatchObject({ setAside: 1, segments: 0 })
    await send(next, dataset, [row(2)])
    // Its key was never read, so it is no duplicate.
    await until(dataset, [1, 2])
  })

  test('goes on after a segment that cannot be batched, says so, and keeps it', async () => {
    const dataset = await bed.dataset(columns)
    const folder = newFolder()
    await mkdir(folder)
    const name = '01ARZ3NDEKTSV4RRFFQ69G5FAV.log'
    await writeFile(join(folder, name), Buffer.concat([segmentHead(), ...frameOf(Buffer.from('no entry\n'))]))
    await using streaming = await stream({ folder })
    await send(streaming, dataset, [row(1)])
    await vi.waitFor(() => expect(streaming.status().batchFailures).toBeGreaterThan(1), 30_000)
    await until(dataset, [1])
    await vi.waitFor(
      () => expect(streaming.status()).toMatchObject({ batchFailures: 0, passedOver: 1, segments: 1 }),
      30_000,
    )
    expect(await readdir(folder)).toEqual([name])
  })

  test('waits for room where the disk of the database or of the lake is full, however long', async () => {
    const dataset = await bed.dataset(columns)
    let isFull = true
    const triesOf = { append: 0 }
    await using full = await bed.node({
      nodeId: 'full',
      change: (lake) => ({
        ...lake,
        append: async (request) => {
          triesOf.append += 1
          if (isFull) throw new AppError('store.full', 'The disk is full.')
          return await lake.append(request)
        },
      }),
    })
    const clock = {
      ...systemClock,
      sleep: async (ms: number, signal?: AbortSignal) => await systemClock.sleep(Math.min(ms, 20), signal),
    }
    const { db } = bed.metadata
    await sql`create function no_room() returns trigger language plpgsql as
      $$ begin raise exception 'No space left on device' using errcode = '53100'; end $$`.execute(db)
    await sql`create trigger no_room before insert on stream_keys execute function no_room()`.execute(db)
    await using streaming = await stream({ at: full, clock })
    await send(streaming, dataset, [row(1)])
    await vi.waitFor(() => expect(streaming.status().batchFailures).toBeGreaterThan(8), 30_000)
    expect(streaming.status()).toMatchObject({ passedOver: 0, segments: 1 })
    await sql`drop trigger no_room on stream_keys`.execute(db)
    await vi.waitFor(
      async () => {
        // Nobody waits for the moments between the tries.
        await sql`update job_runs set due_at = now() where state = 'waiting'`.execute(db)
        full.jobs.ring()
        expect(triesOf.append).toBeGreaterThan(10)
      },
      { timeout: 30_000, interval: 50 },
    )
    isFull = false
    await vi.waitFor(
      async () => {
        // A try that met the full disk may end only now.
        await sql`update job_runs set due_at = now() where state = 'waiting'`.execute(db)
        full.jobs.ring()
        expect((await bed.rows(dataset)).map(([, n]) => n)).toEqual([1])
      },
      { timeout: 30_000, interval: 200 },
    )
  })

  test('refuses when it is full, and takes again when it is not', async () => {
    const dataset = await bed.dataset(columns)
    const folder = newFolder()
    await using streaming = await stream({ folder, batchMs: 3_600_000, batchBytes: 800, logBytes: 800 })
    const sent = async () => await send(streaming, dataset, [row(1)])
    await vi.waitFor(async () => await expect(sent()).rejects.toMatchObject({ code: 'limit.exceeded' }), {
      timeout: 30_000,
      interval: 1,
    })
    expect(streaming.status().accepted).toBeGreaterThan(0)
  })

  test('that cannot be written refuses and keeps what it had', async () => {
    const dataset = await bed.dataset(columns)
    const folder = newFolder()
    await using streaming = await stream({ folder, batchMs: 1 })
    await send(streaming, dataset, [row(1)])
    await until(dataset, [1])
    await vi.waitFor(() => expect(streaming.status().segments).toBe(0), 30_000)
    await rename(folder, `${folder}-away`)
    await expect(send(streaming, dataset, [row(2)])).rejects.toMatchObject({ code: 'stream.unavailable' })
    await rename(`${folder}-away`, folder)
    await send(streaming, dataset, [row(3)])
    await until(dataset, [1, 3])
    expect(streaming.status()).toMatchObject({ accepted: 2 })
  })

  test('on a disk that is full refuses, keeps what it had, and goes on when there is room', async ({
    skip,
  }) => {
    const dataset = await bed.dataset(columns)
    const folder = newFolder()
    await using disk = await smallDisk(folder, 256 * 1024)
    if (!disk) return skip('No disk can be mounted here.')
    {
      await using streaming = await stream({ folder, batchMs: 3_600_000 })
      await send(streaming, dataset, [row(1)])
      const before = streaming.status().waitingBytes
      await disk.fill(8 * 1024)
      const full = { code: 'stream.unavailable', meaning: { http: 503 } }
      const large = { _id: 'x'.repeat(20_000), n: 2 }
      // What fits of it is written before the disk says no.
      await expect(send(streaming, dataset, [large])).rejects.toMatchObject(full)
      expect(streaming.status().waitingBytes).toBe(before)
      await until(dataset, [1]) // The segment is closed where it was whole.
      await disk.makeRoom()
      await disk.fill(0)
      for (let n = 3; n < 6; n += 1) {
        await expect(send(streaming, dataset, [row(n)])).rejects.toMatchObject(full)
      }
      await disk.makeRoom()
      await send(streaming, dataset, [large, row(6)])
      expect(streaming.status()).toMatchObject({ accepted: 3 })
    }
    await using _next = await stream({ folder })
    await until(dataset, [1, 6, 2])
  })

  test('of another form is not touched', async () => {
    const folder = newFolder()
    await (await stream({ folder }))[Symbol.asyncDispose]()
    await appendFile(join(folder, '01ARZ3NDEKTSV4RRFFQ69G5FAV.log'), 'SLUICE-STREAM 2\nwhatever')
    await expect(stream({ folder })).rejects.toMatchObject({ code: 'home.unusable' })
  })
})

describe('an inlet', () => {
  test('has a source id of its own, is seen in its sandbox, and takes nothing once it is deleted', async () => {
    await using streaming = await stream()
    const given = { name: 'a', sourceId: 'twice', requiresAuthentication: true }
    const made = await streaming.createInlet(bed.caller, given)
    await expect(streaming.createInlet(bed.caller, given)).rejects.toMatchObject({ code: 'inlet.exists' })
    expect(await streaming.inlet(bed.caller, made.id)).toMatchObject({ sourceId: 'twice' })
    expect((await streaming.inlets(bed.caller)).map(({ sourceId }) => sourceId)).toContain('twice')
    expect(await streaming.deleteInlet(bed.caller, made.id)).toBe(true)
    expect(await streaming.deleteInlet(bed.caller, made.id)).toBe(false)
    await expect(streaming.opened(made.inletId)).rejects.toMatchObject({ code: 'inlet.unknown' })
  })
})
