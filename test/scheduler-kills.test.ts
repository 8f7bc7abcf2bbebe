import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { systemClock } from '../src/base/clock.ts'
import { newUuidId } from '../src/base/ids.ts'
import { silentLogger } from '../src/base/log.ts'
import { createJobs } from '../src/jobs/create-jobs.ts'
import { testMetadata } from './support/metadata.ts'

const script = join(import.meta.dirname, 'support', 'scheduler-node.ts')
const subjects = ['one', 'two', 'three']
const everyMs = 120
const kills = 6
/** If nobody died while working before. */
const killsMax = 60
const waiting = { timeout: 30_000, interval: 100 }

async function startNode(databaseUrl: string, name: string): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', script, databaseUrl, name],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  await once(child.stdout, 'data')
  return child
}

test('two nodes on one database do every tick once, whichever of them is killed and when', async () => {
  await using metadata = await testMetadata()
  await sql`create table deeds (run_id uuid not null, subject_id text not null, tick text not null)`.execute(
    metadata.db,
  )
  await using jobs = createJobs({
    metadata,
    clock: systemClock,
    nodeId: 'setter',
    incarnation: 'x',
    logger: silentLogger,
  })
  const startAt = new Date()
  const put = (subjectId: string, isEnabled: boolean) =>
    metadata.transaction((tx) =>
      jobs.putSchedule(tx, {
        kind: 'deed',
        subjectId,
        rule: { kind: 'every', startAt, everyMs },
        principalId: newUuidId('run') as never,
        sandboxId: newUuidId('sandbox'),
        isEnabled,
      }),
    )
  for (const subject of subjects) await put(subject, true)
  const nodes = [await startNode(metadata.databaseUrl, 'a'), await startNode(metadata.databaseUrl, 'b')]
  try {
    const hasSomebodyDiedAtWork = async () =>
      (await metadata.db.selectFrom('job_runs').select('id').where('fence', '>', 1).limit(1).execute())
        .length > 0
    for (let count = 0; count < kills || (count < killsMax && !(await hasSomebodyDiedAtWork())); count += 1) {
      await delay(100 + Math.random() * 300)
      const victim = count % 2
      const gone = once(nodes[victim]!, 'exit')
      nodes[victim]!.kill('SIGKILL')
      await gone
      nodes[victim] = await startNode(metadata.databaseUrl, victim === 0 ? 'a' : 'b')
    }
    for (const subject of subjects) await put(subject, false)
    const open = async () =>
      (await metadata.db.selectFrom('job_runs').select('id').where('state', '<>', 'succeeded').execute())
        .length
    await expect.poll(open, waiting).toBe(0)
  } finally {
    for (const node of nodes) node.kill('SIGKILL')
  }
  const runs = await metadata.db.selectFrom('job_runs').selectAll().execute()
  const { rows: deeds } = await sql<{
    run_id: string
    subject_id: string
    tick: string
  }>`select * from deeds`.execute(metadata.db)
  expect(deeds.map(({ run_id }) => run_id).toSorted()).toEqual(runs.map(({ id }) => id).toSorted())
  const ticks = deeds.map(({ subject_id, tick }) => `${subject_id} ${tick}`)
  expect(new Set(ticks).size).toBe(ticks.length)
  for (const { tick } of deeds) expect((Date.parse(tick) - startAt.getTime()) % everyMs).toBe(0)
  for (const subject of subjects) {
    expect(deeds.filter(({ subject_id }) => subject_id === subject).length).toBeGreaterThan(kills)
  }
  // Somebody died while working: otherwise this proved little.
  expect(runs.some(({ fence }) => fence > 1)).toBe(true)
})
