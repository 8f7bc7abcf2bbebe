import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { newUuidId } from '#base/ids.ts'
import type { Run } from '#jobs/jobs.ts'
import { insertScheduledQuery } from '#metadata/scheduled-queries.ts'
import { testMetadata } from '../../../test/support/metadata.ts'
import { taskOf } from './run-task.ts'

test('a schedule of the time when texts were filled in at each run still has its values', async () => {
  const metadata = await testMetadata()
  onTestFinished(() => metadata[Symbol.asyncDispose]())
  const [id, sandboxId, principalId, at] = [
    randomUUID(),
    newUuidId('sandbox'),
    newUuidId('principal'),
    new Date(),
  ]
  await metadata.transaction((tx) =>
    insertScheduledQuery(tx, {
      id,
      sandbox_id: sandboxId,
      principal_id: principalId,
      name: 'old',
      sql: "SELECT '$city' AS city",
      parameters: JSON.stringify({ city: 'Bern' }),
      schedule: '{}',
      is_enabled: true,
      created_at: at,
      request: '{}',
      template_id: null,
      template_name: null,
      updated_at: at,
      updated_by: principalId,
    }),
  )
  const run = { id: newUuidId('run'), sandboxId, subjectId: id } as Run
  expect(await taskOf(metadata.db, run)).toMatchObject({
    sql: "SELECT 'Bern' AS city",
    request: { database: 'all' },
  })
})
