import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { auditWriter } from '#access/audit-writer.ts'
import { AppError } from '#base/errors.ts'
import { systemClock } from '#base/clock.ts'
import { newUuidId } from '#base/ids.ts'
import { silentLogger } from '#base/log.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { testMetadata } from '../../../test/support/metadata.ts'
import { QueryLog } from './query-log.ts'
import { type RecordOfStatement, writtenLater } from './written-later.ts'

const [principalId, sandboxId] = [newUuidId('principal'), newUuidId('sandbox')]

function record(): RecordOfStatement {
  const [id, now] = [randomUUID(), new Date()]
  return {
    audited: { principalId, sandboxId, action: 'query', assetType: 'Query', assetId: id, status: 'Allow' },
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
  return { metadata, access, ids, logger: silentLogger }
}

test('what was added before is settled while more and more is added', async () => {
  const { ids, metadata, ...services } = await fixture()
  let transactions = 0
  // There is always somebody who asks again before the last answer is on record.
  const transaction: Metadata['transaction'] = async (work) => {
    if ((transactions += 1) < 20) await later.add(record())
    return await metadata.transaction(work)
  }
  const later = writtenLater({ ...services, metadata: { transaction }, onWritten: () => {} })
  const first = record()
  await later.add(first)
  await later.settled()
  expect(transactions).toBeLessThan(20)
  expect(await ids()).toContain(first.logged.id)
  await expect.poll(async () => (await ids()).length, { timeout: 20_000 }).toBe(20)
})

test('whoever adds more than there is room for waits, and all of it is written', async () => {
  const { ids, ...services } = await fixture()
  const later = writtenLater({ ...services, onWritten: () => {} })
  await Promise.all(Array.from({ length: 1_200 }, () => later.add(record())))
  await later.settled()
  expect(await ids()).toHaveLength(1_200)
})

test('records wait while PostgreSQL is away', async () => {
  const { ids, metadata, ...services } = await fixture()
  let awayCount = 2
  const transaction: Metadata['transaction'] = async (work) => {
    if (awayCount-- > 0) throw new AppError('metadata.unavailable', 'The database is away.')
    return await metadata.transaction(work)
  }
  const written: number[] = []
  const later = writtenLater({
    ...services,
    metadata: { transaction },
    onWritten: (count) => void written.push(count),
  })
  const records = [record(), record()]
  for (const one of records) await later.add(one)
  await later.settled()
  expect((await ids()).toSorted()).toEqual(records.map(({ logged }) => logged.id).toSorted())
  expect(written).toEqual([2])
})

test('old entries are dropped also where only SELECTs of constants are asked', async () => {
  const { ids, access, ...services } = await fixture()
  const clock = new ManualClock('2026-01-01T00:00:00Z')
  const log = new QueryLog({
    ...services,
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
