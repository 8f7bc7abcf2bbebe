import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { filesBelow, testLake } from '../../test/support/lake.ts'
import { numbersOf, numberTable, overwriting, put, range } from '../../test/support/lake-numbers.ts'
import { systemClock } from '../base/clock.ts'
import { silentLogger } from '../base/log.ts'
import { createJobs } from '../jobs/create-jobs.ts'
import { createMaintenance } from './maintenance.ts'

const signal = new AbortController().signal

test('tables are kept up by runs that say what they did, and one that fails keeps no other from it', async () => {
  await using place = await testLake()
  const { metadata, lake } = place
  const [good, bad] = [await numberTable(place), await numberTable(place)]
  for (let from = 0; from < 20; from += 5) await put(place, good, range(from, from + 5))
  for (let from = 0; from < 20; from += 5) await put(place, bad, range(from, from + 5))
  const victim = (await filesBelow(place.folder)).find(
    (name) => name.startsWith(bad.datasetId) && name.endsWith('.parquet'),
  )!
  await rm(join(place.folder, victim))
  await using jobs = createJobs({
    metadata,
    clock: systemClock,
    nodeId: 'node',
    incarnation: 'one',
    logger: silentLogger,
  })
  const upkeep = createMaintenance({
    lake,
    jobs,
    metadata,
    clock: systemClock,
    logger: silentLogger,
    retentionMs: 0,
  })
  await jobs.start()
  const done = async (runId: Awaited<ReturnType<typeof upkeep.request>>) =>
    await jobs.finished(runId, { signal })

  const compacted = await done(await upkeep.request({ task: 'compact' }))
  expect(compacted).toMatchObject({
    state: 'succeeded',
    result: { tables: 2, tablesDone: 2, tablesFailed: 1, filesRewritten: 4, rowsRewritten: 20 },
  })
  expect(await numbersOf(place, good)).toEqual(range(0, 20))
  const failed = await done(await upkeep.request({ task: 'compact', table: bad }))
  expect(failed).toMatchObject({ state: 'failed', attempt: 1, progress: { tables: 1, tablesFailed: 1 } })
  const { message } = (await upkeep.run(failed.id))!
  expect(message).toContain(victim.split('/').at(-1))
  await lake.overwrite(overwriting(good, [7], 'all'))
  const expired = await done(await upkeep.request({ task: 'expire', table: good }))
  expect(expired).toMatchObject({ state: 'succeeded', result: { tables: 1, snapshotsRemoved: 5 } })
  expect(await done(await upkeep.request({ task: 'sweep', table: good }))).toMatchObject({
    state: 'succeeded',
    result: { filesRemoved: 0 },
  })
  expect(await numbersOf(place, good)).toEqual([7])
  const status = await upkeep.status()
  expect(status.map(({ task }) => task)).toEqual(['compact', 'expire', 'sweep', 'retain'])
  expect(status[0]!.runs).toMatchObject([
    { state: 'failed', message, progress: { tablesFailed: 1 } },
    { state: 'succeeded', progress: { tablesFailed: 1 } },
  ])
  expect(status[1]!.runs[0]).toMatchObject({
    tableId: good.id,
    datasetId: good.datasetId,
    progress: { snapshotsRemoved: 5 },
  })
  const { totals } = status[0]!
  expect(totals).toMatchObject({
    succeeded: 1,
    failed: 1,
    tablesFailed: 1,
    filesRewritten: 4,
    rowsRewritten: 20,
  })
  expect(totals.bytesRewritten).toBeGreaterThan(0)
  expect(totals.lastSuccessAt).toBeInstanceOf(Date)
  expect(status[2]!.totals).toMatchObject({ succeeded: 1, filesRemoved: 0 })
  expect(await upkeep.run(compacted.id)).toMatchObject({ task: 'compact', state: 'succeeded' })
})

test('upkeep is scheduled once, however often the server starts', async () => {
  await using place = await testLake()
  const { metadata, lake } = place
  await using jobs = createJobs({
    metadata,
    clock: systemClock,
    nodeId: 'node',
    incarnation: 'one',
    logger: silentLogger,
  })
  const upkeep = createMaintenance({ lake, jobs, metadata, clock: systemClock, logger: silentLogger })
  await upkeep.schedule()
  const schedules = () =>
    metadata.db
      .selectFrom('job_schedules')
      .select(['kind', 'subject_id', 'next_at'])
      .orderBy('kind')
      .execute()
  const first = await schedules()
  expect(first.map(({ kind }) => kind)).toEqual(['lake.compact', 'lake.expire', 'lake.retain', 'lake.sweep'])
  await upkeep.schedule()
  expect(await schedules()).toEqual(first)
})
