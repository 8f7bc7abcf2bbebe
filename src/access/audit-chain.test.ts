import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { testCaller } from '../../test/support/access.ts'
import { testMetadata } from '../../test/support/metadata.ts'
import { temporaryFolder } from '../../test/support/sluice.ts'
import { systemClock } from '#base/clock.ts'
import { sealAudit } from './audit-chain.ts'
import { verifyAudit } from './audit-verify.ts'

/** A chain of ten entries and more, with those who could write the database let loose on it. */
async function world() {
  const metadata = await testMetadata()
  onTestFinished(() => metadata[Symbol.asyncDispose]())
  const { access, caller } = await testCaller(metadata)
  const headFile = join(await temporaryFolder('audit'), 'audit-head.json')
  const write = async (assetId: string) =>
    await access.audit({
      principalId: caller.principal.id,
      sandboxId: caller.sandbox.id,
      action: 'create',
      assetType: 'dataset',
      assetId,
      status: 'Allow',
      detail: { n: 1.5, text: 'ä' },
    })
  for (let index = 0; index < 10; index += 1) await write(`d${index}`)
  const options = {
    metadata,
    headFile,
    marksFile: join(dirname(headFile), 'audit-marks.json'),
    clock: systemClock,
    retentionMs: 365 * 86_400_000,
  }
  await sealAudit(options)
  const tamper = async (statement: string) => {
    await sql
      .raw('alter table audit disable trigger all; alter table audit_chain disable trigger all')
      .execute(metadata.db)
    await sql.raw(statement).execute(metadata.db)
    await sql
      .raw('alter table audit enable trigger all; alter table audit_chain enable trigger all')
      .execute(metadata.db)
  }
  const kinds = async () => (await verifyAudit(options)).findings.map(({ kind }) => kind)
  return { metadata, access, options, headFile, write, tamper, kinds }
}

test('what is sealed is right, in as many steps as it took', async () => {
  const { options, write, metadata } = await world()
  for (const name of ['e1', 'e2']) {
    await write(name)
    await sealAudit(options)
  }
  expect(await sealAudit(options)).toBe(0)
  const report = await verifyAudit(options)
  const { count } = await metadata.db
    .selectFrom('audit')
    .select((select) => select.fn.countAll<string>().as('count'))
    .executeTakeFirstOrThrow()
  expect(report).toMatchObject({ isRight: true, findings: [], sealedCount: Number(count) })
})

test('entries cannot be changed or deleted by our own connection', async () => {
  const { metadata } = await world()
  await expect(metadata.db.updateTable('audit').set({ action: 'x' }).execute()).rejects.toThrow('append-only')
  await expect(metadata.db.deleteFrom('audit').execute()).rejects.toThrow('append-only')
  await expect(metadata.db.deleteFrom('audit_chain').execute()).rejects.toThrow('append-only')
})

const third = `(select audit_id from audit_chain where sequence = 3)`

test.for([
  ['a changed word', `update audit set action = 'read' where id = ${third}`, ['changed']],
  ['a changed time', `update audit set at = at + interval '1 microsecond' where id = ${third}`, ['changed']],
  ['a changed detail', `update audit set detail = '{"n": 1.6}' where id = ${third}`, ['changed']],
  ['a removed entry', `delete from audit where id = ${third}`, ['removed']],
  [
    'an entry removed with its link',
    `delete from audit where id = ${third}; delete from audit_chain where sequence = 3`,
    ['removed'],
  ],
  [
    'two entries that changed places',
    `update audit_chain set audit_id = -audit_id where sequence in (3, 4);
     update audit_chain set audit_id = case sequence
       when 3 then (select -audit_id from audit_chain where sequence = 4)
       else (select -audit_id from audit_chain where sequence = 3) end where sequence in (3, 4)`,
    ['changed', 'changed'],
  ],
  [
    'an entry put in beside the queue',
    `insert into audit (at, action, asset_type, asset_id, status, detail)
     values (now(), 'create', 'dataset', 'false', 'Allow', '{}')`,
    ['added'],
  ],
  [
    'the end cut off',
    `delete from audit where id in (select audit_id from audit_chain where sequence > 5);
     delete from audit_chain where sequence > 5`,
    ['cut off'],
  ],
] as const)('%s is found', async ([, statement, found]) => {
  const { tamper, kinds } = await world()
  expect(await kinds()).toEqual([])
  await tamper(statement)
  expect(await kinds()).toEqual(found)
})

test('a whole chain made anew does not agree with the head noted outside of the database', async () => {
  const { tamper, kinds, options, headFile } = await world()
  const head = readFileSync(headFile, 'utf8')
  await tamper(`update audit set action = 'read' where id = ${third};
    insert into audit_unsealed select audit_id from audit_chain; delete from audit_chain`)
  await sealAudit(options) // As somebody could who has the database and this program, but not our home.
  writeFileSync(headFile, head)
  expect(await kinds()).toEqual(['rewritten'])
})

test('the evidence outlives the sealer: the note moves on only along the chain it is a part of', async () => {
  const cut = await world()
  await cut.tamper(`delete from audit_chain where sequence > 8`)
  await sealAudit(cut.options)
  expect(await cut.kinds()).toContain('cut off')

  const anew = await world()
  await anew.tamper(`update audit set action = 'read' where id = ${third};
    insert into audit_unsealed select audit_id from audit_chain; delete from audit_chain`)
  for (const name of ['e1', 'e2']) {
    await anew.write(name)
    await sealAudit(anew.options)
  }
  expect(await anew.kinds()).toEqual(['rewritten'])
})

test('a crash between chain and note is no finding, and two sealers seal each entry once', async () => {
  const { options, headFile, write, kinds } = await world()
  const head = readFileSync(headFile, 'utf8')
  await write('late')
  await Promise.all([sealAudit(options), sealAudit(options), sealAudit(options)])
  writeFileSync(headFile, head) // As if the note had not been made.
  expect(await kinds()).toEqual([])
  await write('later')
  await sealAudit(options)
  expect(await kinds()).toEqual([])
})

test('an entry whose transaction ends late is sealed all the same', async () => {
  const { metadata, access, options, write, kinds } = await world()
  let finish = () => {}
  const gate = new Promise<void>((resolve) => (finish = resolve))
  const slow = metadata.transaction(async (tx) => {
    await access.audit(
      {
        principalId: undefined,
        sandboxId: undefined,
        action: 'a',
        assetType: 'b',
        assetId: 'slow',
        status: 'Allow',
      },
      tx,
    )
    await gate
  })
  await new Promise((resolve) => setTimeout(resolve, 100))
  await write('fast') // Has the later number and is there first.
  await sealAudit(options)
  finish()
  await slow
  expect(await sealAudit(options)).toBe(1)
  expect(await kinds()).toEqual([])
})
