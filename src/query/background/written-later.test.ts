import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import type { Access } from '#access/access.ts'
import { auditWriter } from '#access/audit-writer.ts'
import { AppError } from '#base/errors.ts'
import { systemClock } from '#base/clock.ts'
import { newUuidId } from '#base/ids.ts'
import { silentLogger } from '#base/log.ts'
import { insertQueryRecords, type QueryRecord } from '#metadata/query-records.ts'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { testMetadata } from '../../../test/support/metadata.ts'
import { QueryLog } from './query-log.ts'
import { writtenLater } from './written-later.ts'

const [principalId, sandboxId] = [newUuidId('principal'), newUuidId('sandbox')]

function record(access: Pick<Access, 'auditRow'>): QueryRecord {
  const [id, now] = [randomUUID(), new Date()]
  return {
    audited: access.auditRow({
      principalId,
      sandboxId,
      action: 'query',
      assetType: 'Query',
      assetId: id,
      status: 'Allow',
    }),
    logged: {
      id,
      sandbox_id: sandboxId,
      principal_id: principalId,
      principal_name: 'ann',
      client: 'test',
      sql: 'SELECT 1',
      state: 'SUCCESS',
      created_at: now,
      updated_at: now,
    },
  }
}

async function fixture() {
  const metadata = await testMetadata()
  onTestFinished(() => metadata[Symbol.asyncDispose]())
  const access = auditWriter({ db: metadata.db, clock: systemClock })
  const ids = async () =>
    (await metadata.db.selectFrom('query_log').select('id').execute()).map(({ id }) => id)
  const write = (records: readonly QueryRecord[]) => insertQueryRecords(metadata.db, records)
  return { metadata, access, write, ids, logger: silentLogger }
}

test('what was added before is settled while more and more is added', async () => {
  const { ids, access, logger, ...fixed } = await fixture()
  let writes = 0
  // There is always somebody who asks again before the last answer is on record.
  const write = async (records: readonly QueryRecord[]) => {
    if ((writes += 1) < 20) await later.add(record(access))
    await fixed.write(records)
  }
  const later = writtenLater({ write, logger, onWritten: () => {} })
  const first = record(access)
  await later.add(first)
  await later.settled()
  expect(writes).toBeLessThan(20)
  expect(await ids()).toContain(first.logged.id)
  await expect.poll(async () => (await ids()).length, { timeout: 20_000 }).toBe(20)
})

test('whoever adds more than there is room for waits, and all of it is written', async () => {
  const { ids, access, write, logger } = await fixture()
  const later = writtenLater({ write, logger, onWritten: () => {} })
  await Promise.all(Array.from({ length: 1_200 }, () => later.add(record(access))))
  await later.settled()
  expect(await ids()).toHaveLength(1_200)
})

test('records wait while PostgreSQL is away', async () => {
  const { ids, access, logger, ...fixed } = await fixture()
  let awayCount = 2
  const write = async (records: readonly QueryRecord[]) => {
    if (awayCount-- > 0) throw new AppError('metadata.unavailable', 'The database is away.')
    await fixed.write(records)
  }
  const written: number[] = []
  const later = writtenLater({ write, logger, onWritten: (count) => void written.push(count) })
  const records = [record(access), record(access)]
  for (const one of records) await later.add(one)
  await later.settled()
  expect((await ids()).toSorted()).toEqual(records.map(({ logged }) => logged.id).toSorted())
  expect(written).toEqual([2])
})

test('old entries are dropped also where only SELECTs of constants are asked', async () => {
  const { ids, access, metadata, logger } = await fixture()
  const clock = new ManualClock('2026-01-01T00:00:00Z')
  const log = new QueryLog({
    metadata,
    logger,
    access: access as ConstructorParameters<typeof QueryLog>[0]['access'],
    clock,
    nodeId: 'node',
    incarnation: 'first',
  })
  const asked = {
    principal: { id: principalId, name: 'ann' },
    sandbox: { id: sandboxId },
  } as Parameters<typeof log.entry>[0]
  const ask = async () => {
    const entry = log.entry(asked, {
      sql: 'SELECT 1',
      client: 'test',
      output: undefined,
      isHidden: false,
      isAudited: true,
      reads: new Set(),
      made: new Set(),
      cancelling: new AbortController(),
    })
    entry.defer()
    await entry.end({})
    return entry.id
  }
  const old = await ask()
  await log.settled()
  expect(await ids()).toEqual([old])
  clock.advance(91 * 86_400_000)
  for (let count = 0; count < 1_000; count += 1) await ask()
  await log.settled()
  await expect.poll(ids, { timeout: 20_000 }).not.toContain(old)
})
