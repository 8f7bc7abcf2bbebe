import { readdirSync, readlinkSync } from 'node:fs'
import { open, readdir, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { expect, onTestFinished, test, vi } from 'vitest'
import { hashBytes } from '#formats/read-back.ts'
import { readParquetColumn } from '#formats/read-column.ts'
import {
  arrayType,
  binaryType,
  booleanType,
  dateType,
  decimalType,
  doubleType,
  floatType,
  integerType,
  longType,
  mapType,
  stringType,
  type StructType,
  structType,
  timestampNtzType,
  timestampType,
} from '#types/data-type.ts'
import type { RunId } from '#base/ids.ts'
import { type LakeExports, openLakeExports } from '../../../test/support/lake-exports.ts'
import { smallDisk } from '../../../test/support/small-disk.ts'

vi.mock('#formats/read-back.ts', { spy: true })

const { signal } = new AbortController()

const columns = structType([
  { name: '_id', type: stringType },
  { name: 'timestamp', type: timestampType },
  { name: 'n', type: longType },
  { name: 'price', type: decimalType(18, 3) },
  { name: 'ratio', type: doubleType },
  { name: 'share', type: floatType },
  { name: 'isNew', type: booleanType },
  { name: 'day', type: dateType },
  { name: 'local', type: timestampNtzType },
  { name: 'bytes', type: binaryType },
  { name: 'tags', type: mapType(stringType, arrayType(stringType)) },
  {
    name: 'web',
    type: structType([
      { name: 'page', type: stringType },
      { name: 'hits', type: arrayType(longType) },
    ]),
  },
  { name: 'never', type: stringType },
])
const rows = (from: number, count: number) =>
  `select 'e' || i as _id, timestamptz '2026-02-01 00:00:00Z' + interval (i) millisecond as "timestamp", i as n,
    (i / 7)::decimal(18, 3) as price, i / 3 as ratio, (i / 4)::float as share,
    i % 3 = 0 as "isNew", date '1970-01-01' - (i % 9999)::int as day,
    timestamp '0044-03-15 (BC) 12:00:00' + interval (i) second as local, ('\\xAB\\x0' || i % 5)::blob as bytes,
    map {'a': ['x', 'y' || i % 100]} as tags,
    case when i % 2 = 0 then null else {'page': '/' || i % 50, 'hits': [i, null]} end as web, null as never
   from range(${from}, ${from + count}) t(i)`

async function openBed(options: Parameters<typeof openLakeExports>[0] = {}) {
  const bed = await openLakeExports(options)
  onTestFinished(() => bed[Symbol.asyncDispose]())
  const engineCopy = bed.here.engine.copy.bind(bed.here.engine)
  let onWriting = (): void => {}
  const copy = vi.spyOn(bed.here.engine, 'copy').mockImplementation(async (statement, options) => {
    if (!statement.sql.endsWith('WHERE false')) onWriting()
    return await engineCopy(statement, options)
  })
  onTestFinished(() => copy.mockRestore())
  /** Statements of the engine since it was asked last that wrote rows to a folder. */
  const written = () => {
    const statements = copy.mock.calls
      .filter(([{ sql }]) => !sql.endsWith('WHERE false'))
      .map(([{ sql }]) => sql)
    copy.mockClear()
    return statements.length
  }
  const deliver = async (
    dataset: Awaited<ReturnType<typeof bed.dataset>>,
    params: object = {},
    scheduleParams: object = {},
  ) => {
    const flowId = await bed.flow(dataset, {
      params: { datasetFileType: 'PARQUET', compression: 'ZSTD', ...params },
      scheduleParams,
    })
    return async () => {
      written()
      const run = await bed.run(flowId)
      return { run, isJoined: written() === 0, ...(await manifestOf(bed, run.id)) }
    }
  }
  return { bed, deliver, beforeWriting: (look: () => void) => void (onWriting = look) }
}

interface ManifestFile {
  readonly name: string
  readonly rowCount: number
  readonly statistics: object
}

async function manifestOf(
  bed: LakeExports,
  runId: string,
): Promise<{ readonly files: readonly ManifestFile[] }> {
  const { manifest } = await bed.here.metadata.db
    .selectFrom('export_runs')
    .select('manifest')
    .where('run_id', '=', runId as RunId)
    .executeTakeFirstOrThrow()
  return manifest ? (JSON.parse(manifest) as { files: ManifestFile[] }) : { files: [] }
}

async function ask(sql: string): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    await connection.run("SET TimeZone = 'UTC'")
    return (await connection.runAndReadAll(sql)).getRowsJson()
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

/** Without the folder of the run's minute, which would be a column. */
const listOf = (bed: LakeExports, files: readonly ManifestFile[]): string =>
  `read_parquet([${files.map(({ name }) => `'${join(bed.destination, name)}'`).join(', ')}], hive_partitioning = false)`

/** Rows of either that the other does not have as often. */
async function differing(one: string, other: string): Promise<number> {
  const [[count] = []] = await ask(
    `SELECT count(*) FROM ((FROM ${one} EXCEPT ALL FROM ${other}) UNION ALL (FROM ${other} EXCEPT ALL FROM ${one}))`,
  )
  return Number(count)
}

async function small(bed: LakeExports, type: StructType, sql: string) {
  const dataset = await bed.dataset(type)
  await bed.append(dataset, sql)
  return dataset
}

test('row groups of the lake are taken over: rows, order and statistics are those that the engine writes', async () => {
  const { bed, deliver } = await openBed()
  const dataset = await bed.dataset(columns)
  await bed.append(dataset, rows(0, 80_000))
  await bed.append(dataset, rows(80_000, 40_000))
  for (const more of [{}, { includeSystemColumns: true }]) {
    const joined = await (await deliver(dataset, more))()
    const written = await (await deliver(dataset, { ...more, compression: 'SNAPPY' }))()
    expect([joined.run.state, joined.isJoined, written.run.state, written.isJoined]).toEqual([
      'succeeded',
      true,
      'succeeded',
      false,
    ])
    expect(joined.files.map(({ rowCount }) => rowCount)).toEqual([120_000])
    const [ours, engines] = [listOf(bed, joined.files), listOf(bed, written.files)]
    expect(await differing(ours, engines)).toBe(0)
    expect(await ask(`DESCRIBE FROM ${ours}`)).toEqual(await ask(`DESCRIBE FROM ${engines}`))
    for (const condition of [
      `n = 77777`,
      `_id = 'e4711'`,
      `web.page = '/3'`,
      `bytes = 'none'`,
      `day < DATE '1943-01-01'`,
    ]) {
      const counted = `SELECT count(*) FROM`
      const [found] = await ask(`${counted} ${ours} WHERE ${condition}`)
      expect([condition, found]).toEqual([
        condition,
        (await ask(`${counted} ${engines} WHERE ${condition}`))[0],
      ])
    }
    expect(joined.files[0]?.statistics).toEqual(written.files[0]?.statistics)
    const ids = await readParquetColumn(join(bed.destination, joined.files[0]!.name), '_id')
    expect(new Set(ids).size).toBe(120_000)
  }
  expect(await bed.verify()).toMatchObject({ isRight: true, findings: [] })
})

test('what fields are called now, or what the engine would write in another way, is written by it', async () => {
  const { bed, deliver } = await openBed()
  const type = structType([
    { name: '_id', type: stringType },
    { name: 'n', type: longType },
    { name: 'm', type: longType },
  ])
  const sql = `select 'e' || i as _id, i as n, -i as m from range(120000) t(i)`
  const dataset = await small(bed, type, sql)
  const again = await deliver(dataset)
  expect(await again()).toMatchObject({ isJoined: true })
  expect(await (await deliver(dataset, { compression: 'GZIP' }))()).toMatchObject({ isJoined: false })
  const { lake } = bed.here
  const rename = async (from: string, to: string) =>
    await lake.evolve({
      tableId: dataset.tableId,
      changes: [{ kind: 'rename', path: [from], name: to }],
      signal,
    })
  for (const [from, to] of [
    ['n', 'x'],
    ['m', 'n'],
    ['x', 'm'],
  ] as const)
    await rename(from, to)
  const full = await (
    await deliver(dataset, {}, { exportMode: 'DAILY_FULL_EXPORT', timeUnit: 'day', interval: 1 })
  )()
  expect(full).toMatchObject({ isJoined: false, run: { state: 'succeeded' } })
  expect(await ask(`SELECT sum(n), sum(m) FROM ${listOf(bed, full.files)}`)).toEqual([
    ['-7199940000', '7199940000'],
  ])

  const whole = await small(
    bed,
    structType([{ name: 'i', type: integerType }]),
    'select i::integer as i from range(120000) t(i)',
  )
  expect(await (await deliver(whole))()).toMatchObject({ isJoined: false, run: { state: 'succeeded' } })
})

test('small groups are written as large ones, and rows of before are not taken along with new ones', async () => {
  const { bed, deliver } = await openBed()
  const type = structType([{ name: 'n', type: longType }])
  const numbers = (from: number, count: number) => `select i as n from range(${from}, ${from + count}) t(i)`
  const dataset = await small(bed, type, numbers(0, 100_000))
  const first = await deliver(dataset)
  expect(await first()).toMatchObject({ isJoined: true, files: [{ rowCount: 100_000 }] })
  await bed.append(dataset, numbers(100_000, 120_000))
  expect(await first()).toMatchObject({ isJoined: true, files: [{ rowCount: 120_000 }] })
  await bed.append(dataset, numbers(220_000, 110_000))
  await bed.here.lake.compact({ tableId: dataset.tableId, rule: { filesMin: 2 }, signal })
  expect(await first()).toMatchObject({ isJoined: false, files: [{ rowCount: 110_000 }] })

  const many = await bed.dataset(type)
  for (let from = 0; from < 108_000; from += 9_000) await bed.append(many, numbers(from, 9_000))
  expect(await (await deliver(many))()).toMatchObject({ isJoined: false, files: [{ rowCount: 108_000 }] })
})

test('files end before they are larger than asked for', async () => {
  const { bed, deliver } = await openBed()
  const type = structType([{ name: '_id', type: stringType }])
  const ids = (from: number, end: number) => `select md5(i::varchar) as _id from range(${from}, ${end}) t(i)`
  const dataset = await small(bed, type, ids(0, 30_000))
  await bed.append(dataset, ids(30_000, 400_000))
  // A group of two megabytes follows one of half of one.
  const fileBytesMax = 2_300_000
  const { run, files, isJoined } = await (await deliver(dataset, { fileBytesMax }))()
  expect([run.state, isJoined]).toEqual(['succeeded', true])
  for (const { name } of files)
    expect((await stat(join(bed.destination, name))).size).toBeLessThan(fileBytesMax)
  expect(files.reduce((sum, { rowCount }) => sum + rowCount, 0)).toBe(400_000)
  expect(await bed.verify()).toMatchObject({ isRight: true, rowCount: 400_000 })
})

test('more than half of what one file may have goes into two that are as even as can be', async () => {
  const { bed, deliver } = await openBed()
  const type = structType([{ name: '_id', type: stringType }])
  const dataset = await small(bed, type, 'select md5(i::varchar) as _id from range(400000) t(i)')
  const rowCounts = async (fileBytesMax: number) => {
    const { files, isJoined } = await (await deliver(dataset, { fileBytesMax }))()
    return [isJoined, ...files.map(({ rowCount }) => rowCount)]
  }
  expect(await rowCounts(16_000_000)).toEqual([true, 400_000])
  expect(await rowCounts(9_000_000)).toEqual([true, 2 * 122_880, 400_000 - 2 * 122_880])
})

/**
 * Holds the engine's reading of a joined file until all of it lies at the destination, unseen. Then it may fail, when the
 * next file has been begun, too.
 */
function heldUntilSent(bed: LakeExports, { fails = false } = {}): { readonly sent: () => boolean } {
  const open = bed.here.engine.open.bind(bed.here.engine)
  let isSent = false
  const spy = vi.spyOn(bed.here.engine, 'open').mockImplementation(async (statement, options) => {
    const [path] = statement.files
    if (!isSent && path?.includes('/spool/')) {
      const next = fails ? Buffer.alloc(5_000) : Buffer.alloc(0)
      if (fails) await writeFile(path.replace('000000', '000001'), next)
      const sent = (await stat(path)).size + next.length
      await vi.waitFor(async () => expect(await stagedBytes(bed)).toBe(sent), 30_000)
      isSent = true
      if (fails) throw new Error('It cannot be decoded.')
    }
    return await open(statement, options)
  })
  onTestFinished(() => spy.mockRestore())
  return { sent: () => isSent }
}

/** Of this process; gone ones too. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return [] // The folder's own.
    }
  })
}

async function stagedBytes(bed: LakeExports): Promise<number> {
  const names = await readdir(bed.destination, { recursive: true })
  const staged = names.filter((name) => basename(name).startsWith('.'))
  const sizes = await Promise.all(staged.map(async (name) => (await stat(join(bed.destination, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

test('what is joined goes to the destination while it is read, and is sent once', async () => {
  const { bed, deliver } = await openBed({ aheadBytesMin: 1_000 })
  const type = structType([{ name: '_id', type: stringType }])
  const dataset = await small(bed, type, 'select md5(i::varchar) as _id from range(120000) t(i)')
  const { sent } = heldUntilSent(bed)
  vi.mocked(hashBytes).mockClear()
  const { run, isJoined } = await (await deliver(dataset))()
  expect([run.state, isJoined, sent()]).toEqual(['succeeded', true, true])
  expect(hashBytes).not.toHaveBeenCalled() // What was joined has only been appended to.
  expect(await bed.verify()).toMatchObject({ isRight: true, rowCount: 120_000, findings: [] })
  const parts = await bed.here.metadata.db.selectFrom('export_parts').select('state').execute()
  expect(parts).toEqual([{ state: 'sealed' }])
})

test('what was sent of files that cannot be read is not delivered, and ends before the engine writes others', async () => {
  const { bed, deliver, beforeWriting } = await openBed({ aheadBytesMin: 1_000 })
  const type = structType([{ name: '_id', type: stringType }])
  const dataset = await small(bed, type, 'select md5(i::varchar) as _id from range(120000) t(i)')
  const { sent } = heldUntilSent(bed, { fails: true })
  let open: readonly string[] | undefined
  beforeWriting(() => (open = openFiles().filter((path) => path.includes('/spool/'))))
  const { run, isJoined } = await (await deliver(dataset))()
  expect([run.state, isJoined, sent()]).toEqual(['succeeded', false, true])
  expect(open).toEqual([])
  expect(await bed.verify()).toMatchObject({ isRight: true, rowCount: 120_000, findings: [] })
  await vi.waitFor(async () => expect(await stagedBytes(bed)).toBe(0), 30_000) // When it is swept.
})

test('where the first of several files cannot be read, the engine writes all', async () => {
  const { bed, deliver } = await openBed()
  const type = structType([{ name: '_id', type: stringType }])
  const dataset = await small(bed, type, 'select md5(i::varchar) as _id from range(400000) t(i)')
  const open = bed.here.engine.open.bind(bed.here.engine)
  const spy = vi.spyOn(bed.here.engine, 'open').mockImplementation(async (statement, options) => {
    if (statement.files[0]?.endsWith('/000000.parquet')) throw new Error('It cannot be decoded.')
    return await open(statement, options)
  })
  onTestFinished(() => spy.mockRestore())
  const { run, isJoined } = await (await deliver(dataset, { fileBytesMax: 9_000_000 }))()
  expect([run.state, isJoined]).toEqual(['succeeded', false])
  expect(await bed.verify()).toMatchObject({ isRight: true, rowCount: 400_000, findings: [] })
})

test('what cannot be decoded is not delivered', async () => {
  const { bed, deliver } = await openBed()
  const type = structType([{ name: '_id', type: stringType }])
  const dataset = await small(bed, type, 'select md5(i::varchar) as _id from range(120000) t(i)')
  const lakeFolder = bed.here.folder
  const all = await readdir(lakeFolder, { recursive: true })
  const path = join(
    lakeFolder,
    all.find((name) => name.endsWith('.parquet'))!,
  )
  {
    await using handle = await open(path, 'r+')
    await handle.write(Buffer.alloc(8, 7), 0, 8, 4)
  }
  const { run } = await (await deliver(dataset))()
  expect(run.state).toBe('failed')
  expect(bed.parts()).toEqual([])
})

test('a disk that is full is told, and the run goes on when there is room', async ({ skip }) => {
  const { bed } = await openBed()
  const type = structType([{ name: '_id', type: stringType }])
  const dataset = await small(bed, type, 'select md5(i::varchar) as _id from range(120000) t(i)')
  const flowId = await bed.flow(dataset, { params: { datasetFileType: 'PARQUET', compression: 'ZSTD' } })
  let runId
  {
    await using disk = await smallDisk(join(bed.here.folder, 'home', 'spool'), 1024 * 1024)
    if (!disk) return skip('No disk can be mounted here.')
    runId = await bed.exports.runNow(bed.caller, flowId)
    await vi.waitFor(
      async () => {
        const { code } = await bed.here.metadata.db
          .selectFrom('job_runs')
          .select('code')
          .where('id', '=', runId)
          .executeTakeFirstOrThrow()
        expect(code).toBe('store.full')
      },
      { timeout: 20_000 },
    )
  }
  expect(await bed.finished(runId)).toMatchObject({ state: 'succeeded', result: { rowCount: 120_000 } })
}, 60_000)
