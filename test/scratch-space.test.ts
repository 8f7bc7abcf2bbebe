import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { copyFaultPoints } from '#base/faults.ts'
import { type ClientCredentials, signIn } from './support/actor.ts'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'

/** `COPY … TO '%scratch_space%/…'`: what is made, who gets it, and that nothing is there by half. */
interface Copy {
  readonly id: string
  readonly copyURI: string
  readonly rowCount: number
  readonly files: readonly { readonly name: string; readonly bytes: number }[]
}

const space = '/sluice/v1/scratch-space'
const folder = passableFolder('scratch-space')
const home = join(folder, 'home')
let product: Product

beforeAll(async () => {
  product = await startProduct({ home, env: { SLUICE_LIMITS_SCRATCH_BYTES_MAX: '1MB' } })
  await product.run(
    `CREATE TABLE visits AS SELECT id AS n, concat('p', id) AS person, struct(id AS views) AS page FROM range(1000)`,
  )
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const copies = async (from = product): Promise<readonly Copy[]> =>
  (await from.call<{ copies: Copy[] }>('GET', space)).copies

const onDisk = (of = home): string[] => readdirSync(join(of, 'scratch-space'))
const file = (copy: Copy | undefined, index = 0): string =>
  `${space}/${copy?.id}/files/${copy?.files[index]?.name}`

/** Runs a COPY; its copy. */
async function copied(sql: string): Promise<Copy> {
  await product.run(sql)
  const [newest] = await copies()
  if (!newest) throw new Error('There is no copy.')
  return newest
}

describe('a copy', () => {
  test('of a table is Parquet unless another format is named', async () => {
    const copy = await copied("COPY visits TO '%scratch_space%/reports/daily'")
    expect(copy).toMatchObject({
      copyURI: `scratch-space/reports/daily/${copy.id}`,
      rowCount: 1000,
      files: [{ name: 'part-00001.parquet' }],
    })
    const path = join(home, 'scratch-space', copy.id, 'part-00001.parquet')
    const instance = await DuckDBInstance.create(':memory:')
    const reader = await (
      await instance.connect()
    ).runAndReadAll(`SELECT count(*), sum(n), max(page.views), max(person) FROM read_parquet('${path}')`)
    expect(reader.getRows()).toEqual([[1000n, 499_500n, 999n, 'p999']])
  })

  test('of a query is text where asked', async () => {
    const csv = await copied(
      "COPY (SELECT n, person, page FROM visits WHERE n < 2 ORDER BY n) TO '%scratch_space%/a' WITH FORMAT 'csv'",
    )
    expect(await product.text(file(csv))).toBe('n,person,page\n0,p0,"{""views"":0}"\n1,p1,"{""views"":1}"\n')
    const json = await copied(
      "COPY SELECT n, page FROM visits WHERE n = 7 TO '%scratch_space%/a' (FORMAT json)",
    )
    expect(await product.text(file(json))).toBe('{"n":7,"page":{"views":7}}\n')
    const none = await copied("COPY (SELECT 1 AS a WHERE false) TO '%scratch_space%/none'")
    expect(none).toMatchObject({ rowCount: 0, files: [] })
  })

  test("is its maker's alone, and gone when he deletes it", async () => {
    const credentials = JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8')) as ClientCredentials
    const admin = await signIn(product.http, credentials)
    const roles = '/data/foundation/access-control/administration/roles'
    const { id: role } = await admin.must('POST', roles, {
      name: 'analysts',
      permissionSets: ['manage-queries', 'view-datasets'],
      sandboxes: ['prod'],
    })
    const made = await admin.must('POST', '/sluice/v1/api-clients', { name: 'other', roles: [role] })
    const other = await signIn(product.http, { ...credentials, ...made })
    const copy = await copied("COPY (SELECT 1 AS secret) TO '%scratch_space%/mine' WITH FORMAT 'csv'")
    const answers = [
      await other.ask('GET', space),
      await other.ask('GET', file(copy)),
      await other.ask('DELETE', `${space}/${copy.id}`),
    ]
    for (const { text } of answers) expect(text).not.toContain('secret')
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 404])
    expect(answers[0]?.body).toEqual({ copies: [] })
    expect(await product.text(file(copy))).toBe('secret\n1\n')
    await product.call('DELETE', `${space}/${copy.id}`)
    expect(onDisk()).not.toContain(copy.id)
    await expect(product.text(file(copy))).rejects.toThrow('404')
  })

  test.each([
    ["COPY visits TO '%scratch_space%/../up'", 'no folder of the scratch space'],
    ["COPY visits TO '%scratch_space%'", 'no folder of the scratch space'],
    ["COPY visits TO '%scratch_space%/a' WITH FORMAT 'orc'", 'no format orc'],
    ["COPY visits TO '%scratch_space%/a' (DELIMITER ';')", 'no option delimiter'],
    ["COPY nowhere TO '%scratch_space%/a'", 'no table'],
    ['COPY visits TO STDOUT', 'PostgreSQL protocol'],
  ])('%s is refused', async (sql, reason) => {
    const before = onDisk()
    await expect(product.run(sql)).rejects.toThrow(reason)
    expect(onDisk()).toEqual(before)
  })

  test('beyond what one may have is refused, and leaves nothing', async () => {
    const before = [onDisk(), await copies()]
    await expect(
      product.run("COPY (SELECT id, uuid() AS u FROM range(30000)) TO '%scratch_space%/a' WITH FORMAT 'csv'"),
    ).rejects.toThrow(/query\.limit/)
    expect([onDisk(), await copies()]).toEqual(before)
  })

  test('whose query fails leaves nothing', async () => {
    const before = [onDisk(), await copies()]
    await expect(
      product.run(
        "COPY (SELECT n, CASE WHEN n = 900 THEN raise_error('late') END AS e FROM visits) TO '%scratch_space%/a'",
      ),
    ).rejects.toThrow('late')
    expect([onDisk(), await copies()]).toEqual(before)
  })
})

describe.each(copyFaultPoints)('a server that dies at %s', (point) => {
  test('shows no half copy, and a run makes its copy once', async () => {
    const own = join(folder, point)
    const statement = "COPY (SELECT id FROM range(10)) TO '%scratch_space%/late' WITH FORMAT 'csv'"
    let id: string
    {
      const dying = await startProduct({ home: own, faultPoint: `${point}@server` })
      // Nobody's: as if a node had died before.
      await mkdir(join(own, 'scratch-space', 'left.of-somebody'))
      await writeFile(join(own, 'scratch-space', 'left.of-somebody', 'a'), 'x')
      ;({ id } = await dying.call<{ id: string }>('POST', '/data/foundation/query/queries', {
        sql: statement,
      }))
      await dying.exited
      expect(onDisk(own)).toHaveLength(2)
    }
    await using back = await startProduct({ home: own })
    const query = async () =>
      await back.call<{ state: string; copyURI: string }>('GET', `/data/foundation/query/queries/${id}`)
    await expect.poll(async () => (await query()).state, { timeout: 60_000 }).toBe('SUCCESS')
    const [copy, ...more] = await copies(back)
    expect(more).toEqual([])
    expect(copy).toMatchObject({ rowCount: 10, copyURI: (await query()).copyURI })
    expect((await back.text(file(copy))).split('\n')).toHaveLength(12)
    await expect.poll(() => onDisk(own), { timeout: 30_000 }).toEqual([copy?.id])
  })
})
