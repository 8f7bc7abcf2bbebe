import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditExpiryFaultPoints, auditFaultPoints } from '#base/faults.ts'
import { signIn } from './support/actor.ts'
import { testMetadata } from './support/metadata.ts'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'

const roles = '/data/foundation/access-control/administration/roles'

let folder: string
let home: string
let metadata: Awaited<ReturnType<typeof testMetadata>>
let product: Product

async function start(faultPoint?: string, env: Record<string, string> = {}): Promise<void> {
  const options = faultPoint === undefined ? {} : { faultPoint }
  product = await startProduct({ home, databaseUrl: metadata.databaseUrl, env, ...options })
}

const signedIn = async () =>
  await signIn(product.http, JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8')))

beforeAll(async () => {
  folder = passableFolder('audit-faults')
  home = join(folder, 'home')
  metadata = await testMetadata()
  await start()
  await product[Symbol.asyncDispose]()
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await metadata[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** Changes until the server is dead; those it answered for. */
async function changesUntilDeath(name: string): Promise<string[]> {
  const answered: string[] = []
  try {
    const admin = await signedIn()
    for (let count = 0; ; count++) {
      const made = await admin.must('POST', roles, { name: `${name} ${count}` })
      answered.push(made.id)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  } catch {
    await product.exited
    return answered
  }
}

test.each(auditFaultPoints)(
  'a server killed at %s leaves no change without its entry and no entry without its change',
  async (point) => {
    await start(`${point}@server`)
    const answered = await changesUntilDeath(point)
    expect(product.output()).toContain('fault.struck')
    await start()
    try {
      const admin = await signedIn()
      const report = await admin.must('POST', '/sluice/v1/audit/verification')
      expect(report).toMatchObject({ isRight: true, findings: [] })
      const made: { id: string; name: string }[] = (await admin.must('GET', roles)).items
      const changed = made.filter((role) => role.name.startsWith(point)).map((role) => role.id)
      const since = new Set(changed)
      const { events } = (
        await admin.must(
          'GET',
          '/data/foundation/audit/events?property=action==create&property=assetType==role&limit=1000',
        )
      )._embedded
      const known = new Set(made.map((role) => role.id))
      const entries: string[] = events.map((event: { assetId: string }) => event.assetId)
      expect(entries.filter((id) => since.has(id)).toSorted()).toEqual(changed.toSorted())
      expect(entries.filter((id) => !known.has(id))).toEqual([])
      expect(answered.filter((id) => !since.has(id))).toEqual([])
      // Each entry is in the chain: none waits for ever, none is in it twice.
      const [all, sealed] = await Promise.all(
        (['audit', 'audit_chain'] as const).map(async (table) => {
          const row = await metadata.db
            .selectFrom(table)
            .select((select) => select.fn.countAll<string>().as('count'))
            .executeTakeFirstOrThrow()
          return Number(row.count)
        }),
      )
      const again = await admin.must('POST', '/sluice/v1/audit/verification')
      expect(again.isRight).toBe(true)
      expect(sealed).toBeLessThanOrEqual(all!)
      expect(again.sealedCount).toBeGreaterThanOrEqual(all!)
    } finally {
      await product[Symbol.asyncDispose]()
    }
  },
)

test.each(auditExpiryFaultPoints)(
  'a server killed at %s has let go of all that was too old or of nothing, and goes on',
  async (point) => {
    await start(`${point}@server`, { SLUICE_AUDIT_RETENTION_MS: '1ms' })
    const before = await signedIn()
    const { id } = await before.must('POST', roles, { name: `let go ${point}` })
    await before.must('POST', '/sluice/v1/audit/verification') // It is in the chain, and older than a millisecond.
    const expire = async () =>
      await (await signedIn()).must('POST', '/sluice/v1/audit/expiry').then(
        ({ entriesRemoved }) => entriesRemoved as number,
        () => undefined,
      )
    expect(await expire()).toBeUndefined()
    await product.exited
    expect(product.output()).toContain('fault.struck')

    await start(undefined, { SLUICE_AUDIT_RETENTION_MS: '1ms' })
    try {
      const admin = await signedIn()
      const known = async (assetId: string) =>
        (await admin.must('GET', `/data/foundation/audit/events?property=assetId==${assetId}`))._embedded
          .events.length as number
      expect(await known(id)).toBe(point === 'audit.expire.after' ? 0 : 1)
      const verify = () => admin.must('POST', '/sluice/v1/audit/verification')
      expect(await verify()).toMatchObject({ isRight: true, findings: [] })
      expect(await expire()).toBeGreaterThan(0)
      expect(await known(id)).toBe(0)
      expect(await verify()).toMatchObject({
        isRight: true,
        expiredThrough: expect.stringMatching(/^[0-9]+$/),
      })
    } finally {
      await product[Symbol.asyncDispose]()
    }
  },
)

test('no row of a table leaves before its statement is on record', async () => {
  await start()
  const database = new pg.Client(metadata.databaseUrl)
  await database.connect()
  try {
    await product.run('CREATE TABLE held_back AS SELECT 1 AS n')
    for (const table of ['audit', 'query_log']) {
      await database.query(`BEGIN; LOCK TABLE ${table} IN EXCLUSIVE MODE`)
      let isAnswered = false
      const answer = product.rows('SELECT n FROM held_back').finally(() => (isAnswered = true))
      const waiting = async () =>
        (await database.query(`SELECT FROM pg_locks WHERE NOT granted AND relation = '${table}'::regclass`))
          .rowCount
      // The chain of entries may wait beside it.
      await expect.poll(waiting, { timeout: 30_000 }).toBeGreaterThan(0)
      await new Promise((resolve) => setTimeout(resolve, 500)) // The engine is done meanwhile.
      expect(isAnswered).toBe(false)
      await database.query('ROLLBACK')
      expect(await answer).toEqual([[1]])
      await database.query(`ALTER TABLE ${table} RENAME TO away`)
      await expect(product.rows('SELECT n FROM held_back')).rejects.toThrow('500')
      await database.query(`ALTER TABLE away RENAME TO ${table}`)
      expect(await product.rows('SELECT n FROM held_back')).toEqual([[1]])
    }
  } finally {
    await database.end()
    await product[Symbol.asyncDispose]()
  }
})
