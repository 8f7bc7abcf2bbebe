import { DuckDBInstance } from '@duckdb/node-api'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { putAlert } from '#metadata/alerts.ts'
import { longType, stringType, structType, timestampType } from '#types/data-type.ts'
import { type LakeExports, openLakeExports } from '../../../test/support/lake-exports.ts'
import { recordCondition, recordFolderCondition } from './record-time.ts'

const columns = structType([
  { name: '_id', type: stringType },
  { name: 'timestamp', type: timestampType },
  { name: 'n', type: longType },
])
/** An event so many days ago, at noon; without days it has no time. */
const event = (n: number, daysAgo: number | undefined) =>
  `select 'e${n}' as _id, ${
    daysAgo === undefined
      ? 'null::timestamptz'
      : `date_trunc('day', now()) - interval ${daysAgo} day + interval 12 hour`
  } as "timestamp", ${n}::bigint as n`
const events = (...days: readonly (number | undefined)[]) =>
  days.map((daysAgo, n) => event(n, daysAgo)).join(' union all ')

async function open(): Promise<LakeExports> {
  const bed = await openLakeExports()
  onTestFinished(() => bed[Symbol.asyncDispose]())
  return bed
}

const numbers = (bed: LakeExports) =>
  bed
    .parts()
    .flatMap((name) => bed.rowsOf(name))
    .map((row) => Number(row['n']))
    .toSorted((one, other) => one - other)

test('events that are too old at the tick are left out, counted as skipped, and the rest is whole', async () => {
  const bed = await open()
  const dataset = await bed.dataset(columns)
  await bed.append(dataset, events(400, 366, 364, 1, undefined))
  const flowId = await bed.flow(dataset, { scheduleParams: { recordDaysMax: 365 } })
  const { metadata } = bed.here
  const subscribe = (skippedPercent: number | null) =>
    metadata.transaction((tx) =>
      putAlert(
        tx,
        {
          id: crypto.randomUUID(),
          sandbox_id: bed.caller.sandbox.id,
          asset_id: flowId,
          alert_type: 'skipped',
          is_enabled: true,
          delay_minutes: null,
          skipped_percent: skippedPercent,
          created_at: new Date(),
          created_by: bed.caller.principal.id,
        },
        [{ email: 'ann@example.com', in_product: true, by_email: false }],
      ),
    )
  await subscribe(null)
  const run = await bed.run(flowId)
  expect(run).toMatchObject({ state: 'succeeded', result: { rowCount: 3, skippedRowCount: 2 } })
  expect(await metadata.db.selectFrom('notifications').select(['topic', 'body']).execute()).toMatchObject([
    { topic: 'export.skipped', body: expect.stringContaining('2 of 5 rows were left out.') as string },
  ])
  expect(numbers(bed)).toEqual([2, 3, 4])
  expect(await bed.exports.runDocument(bed.caller, run.id)).toMatchObject({
    metrics: {
      recordSummary: {
        inputRecordCount: 5,
        outputRecordCount: 3,
        skippedRecordCount: 2,
        skippedInfo: [{ count: 2 }],
      },
    },
  })
  // Of what comes later, too; what was skipped does not come back.
  await bed.append(dataset, `${event(5, 2)} union all ${event(6, 500)}`)
  await subscribe(50)
  expect(await bed.run(flowId)).toMatchObject({ result: { rowCount: 1, skippedRowCount: 1 } })
  expect(await metadata.db.selectFrom('notifications').select('topic').execute()).toHaveLength(1)
  expect(numbers(bed)).toEqual([2, 3, 4, 5])
  expect(await bed.verify()).toMatchObject({ isRight: true, findings: [], rowCount: 4 })
})

test('an organisation that keeps to the platform’s limits leaves out what is older than a year; others nothing', async () => {
  const bed = await open()
  const dataset = await bed.dataset(columns)
  await bed.append(dataset, events(400, 1))
  expect(await bed.run(await bed.flow(dataset))).toMatchObject({ result: { rowCount: 2 } })
  const flowId = await bed.flow(dataset)
  await bed.exports.putSettings(bed.caller, { isStrict: true })
  const [ahead] = await bed.exports.dryRun(bed.caller, flowId, { signal: new AbortController().signal })
  expect(ahead).toMatchObject({ rowCount: 1, rows: [{ n: 1 }] })
  expect(await bed.run(flowId)).toMatchObject({ result: { rowCount: 1, skippedRowCount: 1 } })
})

test.each(['PARQUET', 'JSON'])(
  'rows in files of %s lie in folders of their own time, each once, and those without one apart',
  async (datasetFileType) => {
    const bed = await open()
    const dataset = await bed.dataset(columns)
    // Days of their own, not of today: it may be another one by the time that the files are looked at.
    const days = ['2026-03-08', '2026-03-07', '2026-03-07', '2026-02-01', undefined]
    const rows = days.map((day, n) => {
      const time = day === undefined ? 'null::timestamptz' : `timestamptz '${day} 12:00:00+00'`
      return `select 'e${n}' as _id, ${time} as "timestamp", ${n}::bigint as n`
    })
    await bed.append(dataset, rows.join(' union all '))
    const flowId = await bed.flow(dataset, {
      params: { datasetFileType, recordTimeFolders: 'day' },
      scheduleParams: { foldernameTemplate: '%DATASET_NAME%' },
    })
    expect(await bed.run(flowId)).toMatchObject({ result: { rowCount: 5, fileCount: 4 } })
    const folders = [
      'events/year=2026/month=03/day=08',
      'events/year=2026/month=03/day=07',
      'events/year=2026/month=02/day=01',
      'events/year=__HIVE_DEFAULT_PARTITION__',
    ]
    expect(new Set(bed.parts().map((name) => name.slice(0, name.lastIndexOf('/'))))).toEqual(new Set(folders))
    const db = await (await DuckDBInstance.create()).connect()
    const read = datasetFileType === 'JSON' ? 'read_json' : 'read_parquet'
    const answer = await db.runAndReadAll(
      `select n::bigint, "timestamp" is null or strftime(timezone('UTC', "timestamp"::timestamptz), 'year=%Y/month=%m/day=%d') =
        regexp_extract(filename, 'year=.*/day=[0-9]+')
       from ${read}('${join(bed.destination, 'events/**/part-*')}', filename = true, hive_partitioning = false) order by 1`,
    )
    expect(answer.getRows().map(([n, isRight]) => [Number(n), isRight])).toEqual(
      [0, 1, 2, 3, 4].map((n) => [n, true]),
    )
    expect(await bed.verify()).toMatchObject({ isRight: true, findings: [], rowCount: 5 })
  },
)

test('what a manifest names is never swept, though it lies in folders below it', async () => {
  const bed = await open()
  const dataset = await bed.dataset(columns)
  await bed.append(dataset, events(1, 2, 3))
  const flowId = await bed.flow(dataset, { params: { recordTimeFolders: 'day' } })
  const { id } = await bed.run(flowId)
  // As a database tells that was restored from before the end of the run.
  await bed.here.metadata.db
    .updateTable('job_runs')
    .set({ state: 'failed', result: null, code: 'store.denied', message: 'no' })
    .where('id', '=', id)
    .execute()
  await bed.append(dataset, event(3, 4))
  await bed.run(flowId)
  await expect
    .poll(async () => {
      const rows = await bed.here.metadata.db
        .selectFrom('export_parts')
        .select('state')
        .where('run_id', '=', id)
        .execute()
      return rows.every(({ state }) => state === 'gone')
    })
    .toBe(true)
  expect(numbers(bed)).toEqual([0, 1, 2, 3])
  expect(await bed.verify()).toMatchObject({ isRight: true, findings: [], rowCount: 4 })
})

test('rows without a time have no folder by it: such an export is not saved', async () => {
  const bed = await open()
  const dataset = await bed.dataset(structType([{ name: 'n', type: longType }]))
  await expect(bed.flow(dataset, { params: { recordTimeFolders: 'month' } })).rejects.toMatchObject({
    code: 'flow.invalid',
    message: 'Only a dataset with a timestamp has folders by record time: its rows have no time.',
  })
})

test('rows without a time are in no window: a backfill of them is refused, and no run is made', async () => {
  const bed = await open()
  const dataset = await bed.dataset(structType([{ name: 'n', type: longType }]))
  await bed.append(dataset, 'select 1::bigint as n')
  const flowId = await bed.flow(dataset)
  await bed.run(flowId)
  const windows = {
    datasetIds: [dataset.id],
    from: new Date('2026-02-01'),
    before: new Date('2026-02-03'),
    windowHours: 24,
  }
  await expect(bed.exports.backfill(bed.caller, flowId, windows)).rejects.toMatchObject({
    code: 'flow.invalid',
    message: expect.stringContaining('Only a dataset with a timestamp') as string,
  })
  expect(await bed.exports.windows(bed.caller, flowId, { limit: 10, offset: 0 })).toEqual([])
})

test('rows that are deleted while a delivery reads them fail it as what was removed, and the next has what is left', async () => {
  const bed = await open()
  const dataset = await bed.dataset(columns)
  await bed.append(dataset, events(1, 2, 3))
  const flowId = await bed.flow(dataset, { params: { recordTimeFolders: 'day' } })
  const { engine, lake } = bed.here
  const copy = engine.copy.bind(engine)
  let copies = 0
  vi.spyOn(engine, 'copy').mockImplementation(async (...given) => {
    copies += 1
    if (copies === 2) {
      const { signal } = new AbortController()
      await lake.deleteRows({ tableId: dataset.tableId, condition: { sql: '"n" = 0' }, signal })
    }
    return await copy(...given)
  })
  expect(await bed.run(flowId)).toMatchObject({ state: 'failed', code: 'source.removed' })
  expect(bed.parts()).toEqual([])
  expect(await bed.run(flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 2 } })
})

test('a delivery into more folders than it can have is refused before any is made', async () => {
  const bed = await open()
  const dataset = await bed.dataset(columns)
  await bed.append(
    dataset,
    `select 'e' || i as _id, timestamptz '2026-01-01 00:00:00Z' + interval (i) hour as "timestamp", i as n
     from range(2001) t(i)`,
  )
  const flowId = await bed.flow(dataset, { params: { recordTimeFolders: 'hour' } })
  expect(await bed.run(flowId)).toMatchObject({
    state: 'failed',
    code: 'flow.invalid',
    message: 'The rows lie in 2001 folders by hour; one delivery has at most 2000.',
  })
})

test.each([
  ['month', 'year=2026/month=12', '2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
  ['day', 'year=2024/month=02/day=29', '2024-02-29T00:00:00.000Z', '2024-03-01T00:00:00.000Z'],
  ['hour', 'year=2026/month=03/day=01/hour=23', '2026-03-01T23:00:00.000Z', '2026-03-02T00:00:00.000Z'],
] as const)('files without rows of a folder by %s are skipped', (unit, name, from, before) => {
  expect(recordFolderCondition({ column: 'at', unit }, name)).toContain(
    `"at" >= TIMESTAMPTZ '${from}' AND "at" < TIMESTAMPTZ '${before}'`,
  )
})

test('a folder whose times cannot be said is known by its name alone', () => {
  for (const name of ['year=__HIVE_DEFAULT_PARTITION__', 'year=99/month=01', 'year=9999/month=12'])
    expect(recordFolderCondition({ column: 'at', unit: 'month' }, name)).not.toContain('>=')
})

test('a row at the edge of two windows is in the later one alone', async () => {
  const db = await (await DuckDBInstance.create()).connect()
  const rowsIn = async (from: string, before?: string) => {
    const range = { column: 'at', from, ...(before === undefined ? {} : { before }) }
    const answer = await db.runAndReadAll(
      `select n from (values (1, timestamptz '2026-03-01 00:00:00Z'), (2, timestamptz '2026-03-01 23:59:59.999999Z'),
         (3, timestamptz '2026-03-02 00:00:00Z'), (4, null)) t(n, "at") where ${recordCondition(range)} order by n`,
    )
    return answer.getRows().map(([n]) => Number(n))
  }
  const [first, second, third] = [
    '2026-03-01T00:00:00Z',
    '2026-03-02T00:00:00Z',
    '2026-03-03T00:00:00Z',
  ] as const
  expect(await rowsIn(first, second)).toEqual([1, 2])
  expect(await rowsIn(second, third)).toEqual([3])
  expect(await rowsIn(second)).toEqual([3, 4])
})
