import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '#base/log.ts'
import { newUuidId, type PrincipalId } from '#base/ids.ts'
import { insertPrincipal } from '#metadata/access.ts'
import { connectMetadata } from '#metadata/connect.ts'
import { findRightsOfLogin, putSqlLogin, type SqlLoginRow } from '#metadata/credentials.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { addRoleGroup, changeGroupMembers, insertGroup, insertRole } from '#metadata/roles.ts'
import { type TestCaller, testCaller } from '../../test/support/access.ts'
import { testMetadata } from '../../test/support/metadata.ts'

let metadata: Awaited<ReturnType<typeof testMetadata>>
/** Another process: what it changes, nobody tells us. */
let other: Metadata
let first: TestCaller

beforeAll(async () => {
  metadata = await testMetadata()
  first = await testCaller(metadata)
  other = connectMetadata({
    connection: { connectionString: metadata.databaseUrl, max: 2 },
    logger: silentLogger,
  })
})
afterAll(async () => {
  await other[Symbol.asyncDispose]()
  await metadata[Symbol.asyncDispose]()
})

/** Ann, in a role of her own by a group: she may see datasets, load them, and run batch queries. */
async function ann() {
  const { access, caller } = first
  const { organizationId } = caller.principal
  const { db } = other
  const principal = { id: newUuidId('principal'), organizationId, name: 'Ann' }
  await insertPrincipal(db, {
    id: principal.id,
    organization_id: organizationId,
    name: 'Ann',
    created_at: new Date(),
    kind: 'user',
    email: null,
  })
  const [roleId, groupId] = [randomUUID(), randomUUID()]
  await insertRole(db, {
    id: roleId,
    organizationId,
    content: {
      name: roleId,
      description: '',
      labels: [],
      isEverywhere: false,
      permissions: ['view-datasets', 'manage-queries'],
      sandboxIds: [caller.sandbox.id],
    },
    stamp: { by: 'test', at: new Date() },
  })
  await insertGroup(db, {
    id: groupId,
    organization_id: organizationId,
    name: groupId,
    created_at: new Date(),
  })
  await changeGroupMembers(db, groupId, { add: [principal.id], remove: [] })
  await addRoleGroup(db, roleId, groupId)
  const question = { principal, sandboxId: caller.sandbox.id }
  const may = async (permission: 'view-datasets' | 'batch-queries') =>
    (await access.decide({ ...question, permission })).isAllowed
  const reaches = async () => (await access.sandboxes(principal, 'view-datasets')).map(({ name }) => name)
  const ids = {
    principal: principal.id,
    role: roleId,
    group: groupId,
    sandbox: caller.sandbox.id,
    organizationId,
  }
  return { may, reaches, ids }
}

type Ids = Awaited<ReturnType<typeof ann>>['ids']

/** By turns a right is taken and given back. */
const turns: readonly (readonly [string, (ids: Ids) => readonly string[]])[] = [
  [
    'a person is disabled',
    ({ principal }) => [
      `update principals set disabled_at = now() where id = '${principal}'`,
      `update principals set disabled_at = null where id = '${principal}'`,
    ],
  ],
  [
    'a sandbox is reset',
    ({ sandbox }) => [
      `update sandboxes set state = 'resetting' where id = '${sandbox}'`,
      `update sandboxes set state = 'active' where id = '${sandbox}'`,
    ],
  ],
  [
    'a role loses its permissions',
    ({ role }) => [
      `delete from role_permissions where role_id = '${role}'`,
      `insert into role_permissions values ('${role}', 'view-datasets')`,
    ],
  ],
  [
    'a role loses its sandbox, and is everywhere for a while',
    ({ role }) => [
      `delete from role_sandboxes where role_id = '${role}'`,
      `update roles set is_everywhere = true where id = '${role}'`,
      `update roles set is_everywhere = false where id = '${role}'`,
    ],
  ],
  [
    'a group leaves the role',
    ({ role, group }) => [
      `delete from role_groups where role_id = '${role}'`,
      `insert into role_groups values ('${role}', '${group}')`,
    ],
  ],
  [
    'a person leaves the group, and is in the role for a while',
    ({ role, group, principal }) => [
      `delete from group_members where group_id = '${group}'`,
      `insert into role_members values ('${role}', '${principal}')`,
      `delete from role_members where role_id = '${role}'`,
      `insert into group_members values ('${group}', '${principal}')`,
    ],
  ],
]

test.each(turns)('what another process changes counts at once: %s', async (_, statements) => {
  const { may, reaches, ids } = await ann()
  expect([await may('view-datasets'), await reaches()]).toEqual([true, ['prod']])
  for (const [index, statement] of statements(ids).entries()) {
    await sql.raw(statement).execute(other.db)
    const isAllowed = index % 2 === 1
    expect([statement, await may('view-datasets'), await reaches()]).toEqual([
      statement,
      isAllowed,
      isAllowed ? ['prod'] : [],
    ])
  }
})

const giveLogin = (principal: PrincipalId, ends: Partial<SqlLoginRow> = {}): Promise<void> =>
  putSqlLogin(metadata.db, {
    sql_user: 'ann',
    principal_id: principal,
    iterations: 4096,
    salt: Buffer.from('salt'),
    stored_key: Buffer.alloc(32),
    server_key: Buffer.alloc(32),
    created_at: new Date(),
    expires_at: null,
    previous_stored_key: null,
    previous_server_key: null,
    previous_until: null,
    used_at: null,
    ...ends,
  })

test('a look at a login finds it good only while it is', async () => {
  const { ids } = await ann()
  const now = new Date()
  const [before, after] = [new Date(now.getTime() - 1), new Date(now.getTime() + 1)]
  const isGood = async (storedKey = Buffer.alloc(32), principalId = ids.principal) =>
    (await findRightsOfLogin(metadata.db, { sqlUser: 'ann', principalId, storedKey }, now)) !== undefined
  const other = Buffer.alloc(32, 7)
  const replaced = { stored_key: other, previous_stored_key: Buffer.alloc(32), previous_server_key: other }
  for (const [ends, expected] of [
    [{}, true],
    [{ expires_at: after }, true],
    [{ expires_at: now }, false],
    [{ expires_at: before }, false],
    [{ stored_key: other }, false],
    [{ ...replaced, previous_until: after }, true],
    [{ ...replaced, previous_until: now }, false],
    [{ ...replaced, previous_until: after, expires_at: before }, false],
  ] as const) {
    await giveLogin(ids.principal, ends)
    expect([ends, await isGood()]).toEqual([ends, expected])
  }
  await giveLogin(ids.principal)
  expect([await isGood(other), await isGood(undefined, newUuidId('principal'))]).toEqual([false, false])
  await sql
    .raw(`update principals set disabled_at = now() where id = '${ids.principal}'`)
    .execute(metadata.db)
  expect(await isGood()).toBe(false)
})

test('sessions of one login look together, and none of them at what was before it asked', async () => {
  const { ids } = await ann()
  for (let round = 0; round < 10; round += 1) {
    await giveLogin(ids.principal)
    const logins = await Promise.all(
      Array.from({ length: 4 }, async () => (await first.access.sqlSignIn('ann')).proved(Buffer.alloc(32))),
    )
    const asked = logins.map((login) => login.check().catch(() => undefined))
    await sql.raw(`delete from sql_logins where sql_user = 'ann'`).execute(other.db)
    const later = await Promise.allSettled(logins.map((login) => login.check()))
    expect(later.map(({ status }) => status)).toEqual(logins.map(() => 'rejected'))
    await Promise.all(asked)
  }
})

test('the look at a login tells the revision of the rights, and its statement is decided by that', async () => {
  const { ids } = await ann()
  await giveLogin(ids.principal)
  const login = { sqlUser: 'ann', principalId: ids.principal, storedKey: Buffer.alloc(32) }
  const look = () => findRightsOfLogin(metadata.db, login, new Date())
  const may = async (rightsRevision: string | undefined) => {
    const principal = { id: ids.principal, organizationId: ids.organizationId, name: 'Ann' }
    const question = { principal, sandboxId: ids.sandbox, permission: 'view-datasets' } as const
    return (await first.access.decide({ ...question, rightsRevision })).isAllowed
  }
  const before = await look()
  expect(await may(before)).toBe(true)
  await sql.raw(`delete from role_permissions where role_id = '${ids.role}'`).execute(other.db)
  // Who came before the change is answered as then, and nobody after it.
  expect(await may(before)).toBe(true)
  expect(await may(await look())).toBe(false)
  expect(await may(undefined)).toBe(false)
})

test('what an organisation is entitled to is no older than a right', async () => {
  const { may, ids } = await ann()
  const entitle = (isEntitled: boolean) =>
    sql.raw(`update organizations set batch_queries = ${isEntitled} where id = '${ids.organizationId}'`)
  expect(await may('batch-queries')).toBe(true)
  await entitle(false).execute(other.db)
  expect([await may('batch-queries'), await may('view-datasets')]).toEqual([false, true])
  await entitle(true).execute(other.db)
  expect(await may('batch-queries')).toBe(true)
})

test('a change counts from its commit on, however long it was under way', async () => {
  const { may, ids } = await ann()
  const { promise: gate, resolve: commit } = Promise.withResolvers<void>()
  const { promise: changed, resolve: tell } = Promise.withResolvers<void>()
  const change = other.transaction(async (tx) => {
    await sql.raw(`delete from role_permissions where role_id = '${ids.role}'`).execute(tx)
    tell()
    await gate
  })
  onTestFinished(async () => {
    commit()
    await change
  })
  await changed
  // Asked, and kept, while the change is there and does not count.
  expect([await may('view-datasets'), await may('view-datasets')]).toEqual([true, true])
  commit()
  await change
  expect(await may('view-datasets')).toBe(false)
})

test('of two changes at once none is lost, and they do not wait for one another for long', async () => {
  const { may, ids } = await ann()
  for (let round = 0; round < 20; round += 1) {
    const isTaken = round % 2 === 0
    await Promise.all([
      sql
        .raw(
          isTaken
            ? `delete from role_permissions where role_id = '${ids.role}'`
            : `insert into role_permissions values ('${ids.role}', 'view-datasets')`,
        )
        .execute(other.db),
      sql.raw(`update roles set version = version + 1 where id <> '${ids.role}'`).execute(other.db),
    ])
    expect(await Promise.all(Array.from({ length: 16 }, () => may('view-datasets')))).toEqual(
      Array.from({ length: 16 }, () => !isTaken),
    )
  }
})
