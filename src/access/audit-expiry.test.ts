import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { deleteExpired } from '#metadata/audit-chain.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { testMetadata } from '../../test/support/metadata.ts'
import { temporaryFolder } from '../../test/support/sluice.ts'
import { sealAudit } from './audit-chain.ts'
import { expireAudit } from './audit-expiry.ts'
import { verifyAudit } from './audit-verify.ts'
import { auditWriter } from './audit-writer.ts'

const dayMs = 86_400_000

/** A server on the days that are lived, with three entries each, sealed one after the other. */
async function lived(days: readonly number[]) {
  const metadata = await testMetadata()
  onTestFinished(() => metadata[Symbol.asyncDispose]())
  const folder = await temporaryFolder('audit')
  const clock = new ManualClock('2025-01-01T12:00:00Z')
  const { audit } = auditWriter({ db: metadata.db, clock })
  const options = {
    metadata,
    headFile: join(folder, 'audit-head.json'),
    marksFile: join(folder, 'audit-marks.json'),
    clock,
    retentionMs: 365 * dayMs,
    access: { audit },
  }
  let today = 0
  const live = async (day: number) => {
    clock.advance((day - today) * dayMs)
    today = day
    for (const name of ['a', 'b', 'c']) {
      await audit({
        principalId: undefined,
        sandboxId: undefined,
        action: 'create',
        assetType: 'dataset',
        assetId: `${name}${day}`,
        status: 'Allow',
      })
      await sealAudit(options)
    }
  }
  for (const day of days) await live(day)
  const kept = async () => {
    const { rows } = await sql<{ asset_id: string }>`select asset_id from audit order by id`.execute(
      metadata.db,
    )
    return rows.map((row) => row.asset_id)
  }
  const verify = () => verifyAudit(options)
  /** What somebody could do who has the database, and neither our home nor our patience. */
  const tamper = async (statement: string) => {
    const triggers = (state: string) =>
      sql.raw(`alter table audit ${state} trigger all; alter table audit_chain ${state} trigger all`)
    await triggers('disable').execute(metadata.db)
    await sql.raw(statement).execute(metadata.db)
    await triggers('enable').execute(metadata.db)
  }
  return { metadata, options, live, kept, verify, tamper, clock }
}

test('what is older than the retention goes, and what remains is still proved', async () => {
  const { options, live, kept, verify } = await lived([0, 100, 380])
  expect(await expireAudit(options)).toBe(3)
  const rest = ['a100', 'b100', 'c100', 'a380', 'b380', 'c380']
  expect(await kept()).toEqual([...rest, 'entries 1 to 3'])
  expect(await verify()).toMatchObject({ isRight: true, expiredThrough: '3', sealedCount: 7 })
  expect(await expireAudit(options)).toBe(0)
  await live(470)
  expect(await expireAudit(options)).toBe(3)
  expect(await kept()).toEqual([...rest.slice(3), 'entries 1 to 3', 'a470', 'b470', 'c470', 'entries 4 to 6'])
  expect(await verify()).toMatchObject({ isRight: true, expiredThrough: '6' })
})

test('all may go but the entry that says so', async () => {
  const { options, kept, verify, clock } = await lived([0])
  clock.advance(1_000 * dayMs)
  expect(await expireAudit(options)).toBe(3)
  expect(await kept()).toEqual(['entries 1 to 3'])
  expect(await verify()).toMatchObject({ isRight: true, sealedCount: 1 })
})

test('of two who let go at once each entry goes once', async () => {
  const { options, verify } = await lived([0, 400])
  const counts = await Promise.all([expireAudit(options), expireAudit(options), sealAudit(options)])
  expect(counts[0] + counts[1]).toBe(3)
  expect(await verify()).toMatchObject({ isRight: true, expiredThrough: '3' })
})

test('the database itself refuses to delete what is not older than was said', async () => {
  const { metadata, verify } = await lived([0, 400])
  const before = new Date('2025-06-01T00:00:00Z')
  const remove = (through: bigint) =>
    metadata.transaction(async (tx) => await deleteExpired(tx, { through, before }))
  await expect(remove(4n)).rejects.toThrow('append-only')
  await expect(metadata.db.deleteFrom('audit').execute()).rejects.toThrow('append-only')
  expect(await verify()).toMatchObject({ isRight: true, sealedCount: 6 })
})

test('what is not as it was sealed is not deleted for its age: it is evidence', async () => {
  const changed = await lived([0, 400])
  await changed.tamper(`update audit set action = 'read' where asset_id = 'b0'`)
  await expect(expireAudit(changed.options)).rejects.toMatchObject({ code: 'verify.failed' })
  const gone = await lived([0, 400])
  await gone.tamper(`delete from audit where asset_id = 'b0'`)
  await expect(expireAudit(gone.options)).rejects.toMatchObject({ code: 'verify.failed' })
  expect((await gone.verify()).findings.map(({ kind }) => kind)).toEqual(['removed'])
})

/** Takes the first entries away and says that their age was the reason. */
const hide = (count: number, before: string) => `
  insert into audit (at, action, asset_type, asset_id, status, detail)
    select now(), 'expire', 'Audit Log', 'entries', 'Allow', json_build_object(
      'through', '${count}', 'hash', encode(hash, 'hex'), 'before', '${before}', 'count', ${count})
    from audit_chain where sequence = ${count};
  insert into audit_unsealed select max(id) from audit;
  delete from audit where id in (select audit_id from audit_chain where sequence <= ${count});
  delete from audit_chain where sequence <= ${count}`

test.for([
  ['as old as nothing is', '2024-01-12T12:00:00.000Z', 'the chain had 0'],
  ['younger than what may go', '2025-01-08T12:00:00.000Z', 'this server keeps what is younger'],
] as const)(
  'a removal of young entries cannot be passed off as retention: %s',
  async ([, before, message]) => {
    const { options, tamper, verify } = await lived([0, 1, 2, 3, 4, 5, 10])
    expect(await verify()).toMatchObject({ isRight: true })
    await tamper(hide(9, before))
    await sealAudit(options)
    const { findings } = await verify()
    expect(findings).toMatchObject([
      { kind: 'removed', sequence: '9', message: expect.stringContaining(message) },
    ])
  },
)

test('a beginning that no entry explains is a removal, place by place', async () => {
  const { tamper, verify } = await lived([0, 400])
  await tamper(
    `delete from audit where asset_id in ('a0', 'b0'); delete from audit_chain where sequence <= 2`,
  )
  expect((await verify()).findings).toMatchObject([
    { kind: 'removed', sequence: '1' },
    { kind: 'removed', sequence: '2' },
  ])
})

test('the entry that explains the beginning must be in the chain', async () => {
  const { options, tamper, verify } = await lived([0, 400])
  await expireAudit(options)
  await tamper(`update audit set detail = jsonb_set(detail, '{before}', '"2025-01-02T00:00:00.000Z"')
    where action = 'expire'`)
  expect((await verify()).findings.map(({ kind }) => kind)).toEqual(['changed'])
})

test('a retention that was shorter once is no finding after it was made longer', async () => {
  const { options, verify } = await lived([0, 10])
  expect(await expireAudit({ ...options, retentionMs: 5 * dayMs })).toBe(3)
  expect(await verify()).toMatchObject({ isRight: true })
})

test('the noted head moves on where its place has gone for its age', async () => {
  const { options, live } = await lived([0])
  const head = readFileSync(options.headFile, 'utf8')
  await live(400)
  await expireAudit(options)
  writeFileSync(options.headFile, head) // As a server has it that was off all the time.
  await live(401)
  expect(JSON.parse(readFileSync(options.headFile, 'utf8'))).toMatchObject({ sequence: '10' })
})
