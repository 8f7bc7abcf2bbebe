// A node that does nothing but ring schedules: told a database and its own name, killed without warning by tests.
import { setTimeout as delay } from 'node:timers/promises'
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import { createJobs } from '../../src/jobs/create-jobs.ts'
import { connectMetadata } from '../../src/metadata/connect.ts'

const [databaseUrl = '', nodeId = ''] = process.argv.slice(2)
const metadata = connectMetadata({
  connection: { connectionString: databaseUrl, max: 6 },
  logger: silentLogger,
})
const jobs = createJobs({
  metadata,
  clock: systemClock,
  nodeId,
  incarnation: randomUUID(),
  logger: silentLogger,
  passMs: 100,
  leaseMs: 600,
})
jobs.register({
  kind: 'deed',
  parallelRunsMax: 3,
  run: async ({ run, lease }) => {
    await delay(Math.random() * 40)
    await metadata.transaction(async (tx) => {
      await sql`insert into deeds (run_id, subject_id, tick) values (${run.id}, ${run.subjectId}, ${run.tick})`.execute(
        tx,
      )
      await delay(Math.random() * 20)
      await lease.finish(tx, {})
    })
    return 'finished'
  },
})
await jobs.start()
process.stdout.write('ready\n')
