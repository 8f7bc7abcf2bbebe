import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { sqlClients, type SqlClients } from './support/sql-clients.ts'

/** Databases and schemas are groups of references; keys and labels say what tables mean. */
let folder: string
let product: Product
let clients: SqlClients

beforeAll(async () => {
  folder = passableFolder('databases')
  product = await startProduct({ home: join(folder, 'home') })
  clients = sqlClients(product, join(folder, 'home'))
  await product.run(`
    CREATE DATABASE databaseA;
    CREATE DATABASE IF NOT EXISTS databaseB WITH (TYPE=QSACCEL, ACCOUNT=acp_query_batch);
    CREATE DATABASE databaseC;
    CREATE SCHEMA databaseA.schema1;
    CREATE SCHEMA databaseA.schema2;
    CREATE SCHEMA IF NOT EXISTS databaseB.schema3;
    CREATE TABLE plain AS SELECT 1 AS a;
    CREATE TABLE databaseA.schema1.dataset1 AS SELECT 10 AS a;
    CREATE TABLE databaseA.schema2.dataset1 AS SELECT 20 AS a;
    INSERT INTO databaseA.schema2.dataset1 VALUES (21);
    CREATE VIEW databaseA.schema1.view1 AS SELECT a + 1 AS b FROM databaseA.schema2.dataset1`)
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const rows = async (client: pg.Client, text: string): Promise<unknown[][]> =>
  (await client.query({ text, rowMode: 'array' })).rows as unknown[][]

describe('names', () => {
  it.each<[string, unknown[][]]>([
    ['SELECT a FROM databaseA.schema1.dataset1', [[10]]],
    ['SELECT a FROM DATABASEA.Schema2.DATASET1 ORDER BY a', [[20], [21]]],
    ['SELECT x.a, y.a AS z FROM databaseA.schema1.dataset1 x, prod.public.plain y', [[10, 1]]],
    ['SELECT max(b) FROM databaseA.schema1.view1', [[22]]],
    ['SELECT a FROM prod.public.plain', [[1]]],
    ['SELECT a FROM SCHEMA1.dataset1', [[10]]],
    // As clients that connected to them call databases.
    ['SELECT a FROM "prod:all".public.plain', [[1]]],
    ['SELECT a FROM "PROD:databaseA".schema1.dataset1', [[10]]],
    ['SELECT a FROM "prod:databaseA.schema2".schema2.dataset1 ORDER BY a', [[20], [21]]],
    ['DESCRIBE databaseA.schema1.view1', [['b', 'int']]],
    ['SHOW DATABASES', [['databaseA'], ['databaseB'], ['databaseC']]],
    [
      'SHOW SCHEMAS',
      [
        ['databaseA', 'schema1'],
        ['databaseA', 'schema2'],
        ['databaseB', 'schema3'],
      ],
    ],
  ])('%s', async (sql, wanted) => {
    expect(await product.rows(sql)).toEqual(wanted)
  })

  it.each<[string, RegExp]>([
    ['SELECT * FROM databaseA.schema1.nothing', /query\.unknown_table/],
    ['SELECT * FROM databaseA.schema9.dataset1', /query\.unknown_table/],
    ['SELECT * FROM databaseB.dataset1', /query\.unknown_table/],
    ['SELECT * FROM "other:all".public.plain', /query\.unknown_table/],
    ['CREATE TABLE databaseA.schema9.t AS SELECT 1 AS a', /no schema .*Did you mean schema1/s],
    ['CREATE TABLE databseA.schema1.t AS SELECT 1 AS a', /no database .*Did you mean databaseA/s],
    ['CREATE TABLE databaseA.schema1.DATASET1 (a int)', /dataset\.exists/],
    ['CREATE VIEW databaseA.schema1.dataset1 AS SELECT 1 AS a', /dataset\.exists/],
    ['CREATE DATABASE DatabaseA', /admin\.exists/],
    ['CREATE DATABASE prod', /means everything/],
    ['CREATE SCHEMA databaseA.SCHEMA1', /admin\.exists/],
    ['CREATE SCHEMA databaseA.pg_mine', /PostgreSQL's own/],
    ['CREATE SCHEMA databaseA.Information_Schema', /PostgreSQL's own/],
    ['CREATE SCHEMA lonely', /CREATE SCHEMA database\.lonely/],
    ['CREATE DATABASE d WITH (COLOUR = red)', /colour/],
    ['DROP DATABASE databaseA', /schema\.in_use/],
    ['DROP DATABASE databaseX', /query\.unknown_database/],
    ['DROP SCHEMA databaseA.schema1', /schema\.in_use/],
    ['DROP SCHEMA databaseA.schema1 RESTRICT', /schema\.in_use/],
    ['DROP SCHEMA databaseA.nowhere', /query\.unknown_schema/],
  ])('%s is refused', async (sql, message) => {
    await expect(product.run(sql)).rejects.toThrow(message)
  })
})

describe('a session on a database', () => {
  it('lists what is there, and finds bare names there first', async () => {
    await clients.connected('prod:databaseA', async (client) => {
      expect(await rows(client, 'SHOW DATABASES')).toEqual([['databaseA']])
      expect(await rows(client, 'SHOW SCHEMAS')).toEqual([
        ['databaseA', 'schema1'],
        ['databaseA', 'schema2'],
      ])
      expect(await rows(client, 'SELECT a FROM schema2.dataset1 ORDER BY a')).toEqual([[20], [21]])
      expect(await rows(client, 'SELECT a FROM plain')).toEqual([[1]])
    })
    await clients.connected('prod:databaseA.schema1', async (client) => {
      expect(await rows(client, 'SHOW SCHEMAS')).toEqual([['databaseA', 'schema1']])
      expect(await rows(client, 'SHOW TABLES')).toEqual([
        ['dataset1', 'table'],
        ['view1', 'view'],
      ])
      expect(await rows(client, 'SELECT a FROM dataset1')).toEqual([[10]])
      expect(await rows(client, 'SELECT max(b) FROM view1')).toEqual([[22]])
      await client.query('CREATE TABLE made AS SELECT 5 AS five')
      await expect(client.query('CREATE VIEW bare AS SELECT a FROM dataset1')).rejects.toMatchObject({
        code: '0A000',
      })
    })
    expect(await product.rows('SELECT five FROM databaseA.schema1.made')).toEqual([[5]])
    await product.run('DROP TABLE databaseA.schema1.made')
    await expect(product.rows('SELECT five FROM made')).rejects.toThrow(/query\.unknown_table/)
    await expect(clients.connected('prod:databaseA.schema7', async () => {})).rejects.toMatchObject({
      code: '42P12',
      message: expect.stringContaining('No tables found'),
    })
  })

  it('may be on a table or a view alone', async () => {
    await clients.connected('prod:plain', async (client) => {
      expect((await rows(client, 'SHOW TABLES')).map(([name]) => name)).toEqual(['plain'])
      await expect(client.query('SELECT * FROM databaseA.schema1.dataset1')).rejects.toMatchObject({
        code: '42P01',
      })
    })
    await clients.connected('prod:view1', async (client) => {
      expect(await rows(client, 'SHOW TABLES')).toEqual([])
      expect((await rows(client, 'SHOW VIEWS')).map((row) => row[2])).toEqual(['view1'])
      expect(await rows(client, 'SELECT max(b) FROM view1')).toEqual([[22]])
    })
  })
})

describe('references', () => {
  it('are to one table from several schemas, and rows go with the last', async () => {
    await product.run(`CREATE TABLE databaseA.schema1.shared AS SELECT 7 AS a;
      ALTER TABLE databaseA.schema1.shared ADD SCHEMA databaseB.schema3;
      ALTER TABLE plain SET SCHEMA databaseB.schema3;
      ALTER VIEW databaseA.schema1.view1 ADD SCHEMA databaseB.schema3;
      DROP TABLE databaseA.schema1.shared`)
    expect(await product.rows('SELECT a FROM databaseB.schema3.shared')).toEqual([[7]])
    const groups = await product.rows('SHOW DATAGROUPS')
    expect(groups.map((row) => row.slice(0, 5))).toEqual([
      ['databaseA', 'schema1', 'ADLS', 'Data Lake Table', 'dataset1'],
      ['databaseA', 'schema1', 'ADLS', 'View', 'view1'],
      ['databaseA', 'schema2', 'ADLS', 'Data Lake Table', 'dataset1'],
      ['databaseB', 'schema3', 'QSACCEL', 'Data Lake Table', 'plain'],
      ['databaseB', 'schema3', 'QSACCEL', 'Data Lake Table', 'shared'],
      ['databaseB', 'schema3', 'QSACCEL', 'View', 'view1'],
    ])
    expect((await product.rows("SHOW DATAGROUPS FOR 'plain'")).map((row) => row[1])).toEqual(['schema3'])
    await expect(product.run('DROP TABLE plain')).rejects.toThrow(/schema\.in_use/)
    await expect(product.run('DROP VIEW view1')).rejects.toThrow(/schema\.in_use/)
    await product.run(`ALTER TABLE databaseB.schema3.plain REMOVE SCHEMA databaseB.schema3;
      DROP TABLE databaseB.schema3.shared;
      DROP VIEW databaseB.schema3.view1`)
    expect(await product.rows('SELECT a FROM plain')).toEqual([[1]])
    expect(await product.rows('SELECT max(b) FROM databaseA.schema1.view1')).toEqual([[22]])
    await expect(product.rows('SELECT * FROM shared')).rejects.toThrow(/query\.unknown_table/)
    await expect(product.run('ALTER TABLE plain REMOVE SCHEMA databaseB.schema3')).rejects.toThrow(/not in/)
  })

  it('are taken away with their schema, and no rows with them', async () => {
    await product.run(`ALTER TABLE plain ADD SCHEMA databaseC.public;
      DROP SCHEMA databaseC.public CASCADE;
      DROP SCHEMA IF EXISTS databaseC.public;
      DROP DATABASE databaseC;
      DROP DATABASE IF EXISTS databaseC`)
    expect(await product.rows('SELECT a FROM plain')).toEqual([[1]])
    expect(await product.rows('SHOW DATABASES')).toEqual([['databaseA'], ['databaseB']])
  })
})

describe('keys', () => {
  it('are shown, and dropped', async () => {
    await product.run(`CREATE TABLE people (id text, email text, age int);
      CREATE TABLE orders (number bigint, buyer text);
      ALTER TABLE people ADD CONSTRAINT PRIMARY KEY (id) NAMESPACE ECID;
      ALTER TABLE people ADD CONSTRAINT PRIMARY KEY (id) NAMESPACE ECID;
      ALTER TABLE people ADD CONSTRAINT PRIMARY IDENTITY (id) NAMESPACE 'ECID';
      ALTER TABLE people ADD CONSTRAINT IDENTITY (email) NAMESPACE 'email';
      ALTER TABLE orders ADD PRIMARY KEY (number) NOT ENFORCED;
      ALTER TABLE orders ADD CONSTRAINT FOREIGN KEY (buyer) REFERENCES people (id) NOT ENFORCED`)
    expect(await product.rows('SHOW PRIMARY KEYS')).toEqual([
      ['people', 'id', 'text', '"ECID"'],
      ['orders', 'number', 'bigint', null],
    ])
    expect(await product.rows('SHOW IDENTITIES')).toEqual([
      ['people', 'id', 'text', '"ECID"', 'true'],
      ['people', 'email', 'text', '"Email"', 'false'],
    ])
    expect(await product.rows('SHOW FOREIGN KEYS')).toEqual([
      ['orders', 'buyer', 'text', 'people', 'id', '"ECID"'],
    ])
    await product.run(`ALTER TABLE orders DROP CONSTRAINT FOREIGN KEY (buyer);
      ALTER TABLE people DROP CONSTRAINT PRIMARY IDENTITY (id);
      ALTER TABLE people DROP CONSTRAINT IDENTITY (email)`)
    expect(await product.rows('SHOW FOREIGN KEYS')).toEqual([])
    expect(await product.rows('SHOW IDENTITIES')).toEqual([])
  })

  it.each<[string, RegExp]>([
    ['ALTER TABLE people ADD CONSTRAINT PRIMARY KEY (nothing) NAMESPACE ECID', /no column .*nothing/],
    ['ALTER TABLE people ADD CONSTRAINT PRIMARY KEY (id)', /NAMESPACE/],
    ['ALTER TABLE people ADD CONSTRAINT PRIMARY IDENTITY (age) NAMESPACE ECID', /an identity is a text/],
    ['ALTER TABLE people ADD CONSTRAINT IDENTITY (id) NAMESPACE NoSuch', /namespace\.unknown/],
    ['ALTER TABLE people DROP CONSTRAINT PRIMARY KEY (age)', /no such key/],
    ['ALTER TABLE people DROP COLUMN age', /no DROP COLUMN/],
    ['ALTER TABLE people ALTER COLUMN age TYPE text', /Of ALTER TABLE there are/],
    ["ALTER TABLE people ADD LABEL 'GOLD'", /PROFILE or UPSERT/],
  ])('%s is refused', async (sql, message) => {
    await expect(product.run(sql)).rejects.toThrow(message)
  })

  it('and labels come with the making of a table', async () => {
    const [[id] = []] = await product.rows(`CREATE TABLE decile_table
      (id text PRIMARY KEY NAMESPACE 'IDFA', decile1Month map<text, integer>) WITH (label='PROFILE')`)
    expect(id).toMatch(/^[0-9a-f]{24}$/)
    expect(await product.rows('SHOW PRIMARY KEYS')).toContainEqual(['decile_table', 'id', 'text', '"IDFA"'])
    await product.run(
      `ALTER TABLE decile_table ADD LABEL 'UPSERT'; ALTER TABLE decile_table DROP label profile`,
    )
    const dataset = await product.call<Record<string, { tags: unknown }>>(
      'GET',
      `/data/foundation/catalog/dataSets/${String(id)}`,
    )
    expect(dataset[String(id)]?.tags).toMatchObject({ 'sluice/labels': ['UPSERT'] })
    await expect(
      product.run(`CREATE TABLE wrong (id int PRIMARY IDENTITY NAMESPACE 'IDFA')`),
    ).rejects.toThrow(/identity is a text/)
    await expect(product.rows('SELECT * FROM wrong')).rejects.toThrow(/query\.unknown_table/)
  })
})

describe('DROP TABLE', () => {
  it('deletes only what statements made', async () => {
    const { id } = await product
      .call<readonly string[]>('POST', '/data/foundation/catalog/dataSets', {
        name: 'Loaded',
        schemaRef: { id: await schemaId() },
      })
      .then(([reference = '']) => ({ id: reference.split('/').at(-1) }))
    expect(id).toMatch(/^[0-9a-f]{24}$/)
    await expect(product.run('DROP TABLE loaded')).rejects.toThrow(/not made by a statement/)
    await product.run('CREATE TABLE t1 (a int); DROP TABLE IF EXISTS t1 RESTRICT; DROP TABLE IF EXISTS t1')
    await expect(product.run('DROP TABLE plain CASCADE')).rejects.toThrow(/CASCADE/)
  })
})

describe('tags of the product’s own', () => {
  it('are set and changed by nobody else', async () => {
    const [[, parent] = []] = (await product.rows('SHOW TABLES')).filter(([name]) => name === 'plain')
    const forged = {
      'sluice/sample-of': [String(parent)],
      'sluice/made-by': ['sql'],
      'sluice/temporary': ['x'],
    }
    const [reference = ''] = await product.call<readonly string[]>(
      'POST',
      '/data/foundation/catalog/dataSets',
      {
        name: 'Forged',
        schemaRef: { id: await schemaId() },
        tags: { ...forged, mine: ['kept'] },
      },
    )
    const id = reference.split('/').at(-1) ?? ''
    const tags = async () =>
      (
        await product.call<Record<string, { tags: Record<string, unknown> }>>(
          'GET',
          `/data/foundation/catalog/dataSets/${id}`,
        )
      )[id]?.tags
    expect(Object.keys((await tags()) ?? {}).filter((tag) => tag.startsWith('sluice/'))).toEqual([])
    expect(await tags()).toMatchObject({ mine: ['kept'] })
    await product.call('PATCH', `/data/foundation/catalog/dataSets/${id}`, { tags: forged })
    expect(await tags()).not.toHaveProperty('sluice/sample-of')
    expect(await product.rows('SELECT a FROM plain WITHAPPROXIMATE')).toEqual([[1]])
    await expect(product.run('DROP TABLE forged')).rejects.toThrow(/not made by a statement/)
  })
})

describe('CREATE TABLE … WITH (schema = …)', () => {
  it('takes the columns of a schema, and says what does not fit it', async () => {
    await product.run(`CREATE TABLE titled WITH (schema = 'Visits', rowvalidation = 'false') AS
      SELECT 'one' AS _id, timestamp '2026-01-01 00:00:00' AS timestamp`)
    expect(await product.rows('SELECT _id, eventType IS NULL FROM titled')).toEqual([['one', true]])
    await expect(
      product.run(`CREATE TABLE unfit WITH (schema = 'Visits') AS SELECT 1 AS nonsense`),
    ).rejects.toThrow(/Error validating schema/)
    await expect(
      product.run(`CREATE TABLE unfit WITH (schema = 'No such title') AS SELECT 1 AS a`),
    ).rejects.toThrow(/schema\.unknown/)
    await expect(product.rows('SELECT * FROM unfit')).rejects.toThrow(/query\.unknown_table/)
  })

  describe('looks at what the schema asks of values', () => {
    const good = `SELECT 'AB-1' AS sku, 'new' AS kind, 1 AS n, struct('x' AS code, 0.5D AS share) AS deep`
    const bad: readonly [string, string][] = [
      [`SELECT 'new' AS kind, 1 AS n`, 'the required field \\"sku\\" is missing'],
      [`SELECT 'ab-1' AS sku`, 'does not match the pattern'],
      [`SELECT 'AB-1' AS sku, 'used' AS kind`, 'is none of'],
      [`SELECT 'AB-1' AS sku, 0 AS n`, 'is less than 1'],
      [
        `SELECT 'AB-1' AS sku, struct(0.5D AS share) AS deep`,
        'the required field \\"deep.code\\" is missing',
      ],
      [`SELECT 'AB-1' AS sku, struct('x' AS code, 1.0D AS share) AS deep`, 'is not less than 1'],
    ]

    beforeAll(async () => {
      await product.call('POST', '/data/foundation/schemaregistry/tenant/schemas', {
        title: 'Goods',
        type: 'object',
        required: ['sku'],
        properties: {
          sku: { type: 'string', pattern: '^[A-Z]{2}-\\d+$' },
          kind: { type: 'string', enum: ['new', "it's old"] },
          n: { type: 'integer', minimum: 1, 'meta:xdmType': 'int' },
          deep: {
            type: 'object',
            required: ['code'],
            properties: { code: { type: 'string' }, share: { type: 'number', exclusiveMaximum: 1 } },
          },
        },
      })
      await product.run(`CREATE TABLE goods WITH (schema = 'Goods') AS ${good}`)
    })

    it.each(bad)('%s', async (select, reason) => {
      const create = `CREATE TABLE bad_goods WITH (schema = 'Goods') AS ${select}`
      await expect(product.run(create)).rejects.toThrow(/Error validating schema: /)
      await expect(product.run(create)).rejects.toThrow(reason)
      await expect(product.rows('SELECT * FROM bad_goods')).rejects.toThrow(/query\.unknown_table/)
    })

    it('unless rows are not to be validated', async () => {
      for (const [index, [select]] of bad.entries()) {
        await product.run(
          `CREATE TABLE loose_${index} WITH (schema = 'Goods', rowvalidation = 'FALSE') AS ${select}`,
        )
      }
      expect(await product.rows('SELECT kind FROM loose_0')).toEqual([['new']])
    })

    it('also of rows that INSERT adds, all or none', async () => {
      const insert = (more: string) =>
        product.run(`INSERT INTO goods SELECT * FROM (${good} UNION ALL SELECT ${more}, 'new', 1, NULL)`)
      await expect(insert("'zz'")).rejects.toThrow(/Error validating schema: the field .{0,4}sku/)
      expect(await product.rows('SELECT count(*) FROM goods')).toEqual([[1]])
      await insert("'ZZ-2'")
      expect(await product.rows('SELECT count(*) FROM goods')).toEqual([[3]])
    })
  })
})

describe('field groups', () => {
  const columns = '(sku text, price double, tags array<text>, place struct<city: text>)'

  it('are made, listed, used by schemas and dropped', async () => {
    const [answer] = await product.rows(
      `CREATE FIELDGROUP loyalty IF NOT EXISTS ${columns} WITH (LABEL = 'PROFILE')`,
    )
    const id = String(answer)
    expect(id).toMatch(/^_t[0-9a-z]+\.mixins\.[0-9a-f]{48}$/)
    const listed = (await product.rows('SHOW FIELDGROUPS')).filter(([name]) => name === 'loyalty')
    expect(listed).toEqual([['loyalty', id, expect.any(String)]])
    expect(await product.rows(`CREATE FIELDGROUP loyalty IF NOT EXISTS ${columns}`)).toEqual([])
    await expect(product.run('CREATE FIELDGROUP loyalty (a int)')).rejects.toThrow(/schema\.exists/)
    const group = await product.call<{
      $id: string
      properties: Record<string, { properties: object }>
      'meta:intendedToExtend': string[]
    }>('GET', `/data/foundation/schemaregistry/tenant/fieldgroups/${id}`)
    const [tenant = ''] = Object.keys(group.properties)
    const own = group.properties[tenant]
    expect(id).toContain(`${tenant}.mixins.`)
    expect(Object.keys(own?.properties ?? {})).toEqual(['sku', 'price', 'tags', 'place'])
    expect(group['meta:intendedToExtend']).toEqual(['https://ns.adobe.com/xdm/context/profile'])
    const schema = await product.call<{ $id: string }>(
      'POST',
      '/data/foundation/schemaregistry/tenant/schemas',
      {
        title: 'Loyal people',
        type: 'object',
        allOf: [{ $ref: 'https://ns.adobe.com/xdm/context/profile' }, { $ref: group.$id }],
      },
    )
    await product.run(`CREATE TABLE loyal WITH (schema = 'Loyal people') AS
      SELECT struct('a' AS sku, 1.5D AS price) AS ${tenant}`)
    await expect(product.run(`DROP FIELDGROUP '${id}'`)).rejects.toThrow(/schema\.in_use/)
    await product.run('DROP TABLE loyal')
    await product.call(
      'DELETE',
      `/data/foundation/schemaregistry/tenant/schemas/${encodeURIComponent(schema.$id)}`,
    )
    await product.run(`DROP FIELDGROUP ${id}`)
    await expect(product.run(`DROP FIELDGROUP '${id}'`)).rejects.toThrow(/schema\.unknown/)
    await product.run(`DROP FIELDGROUP IF EXISTS '${id}'`)
    await expect(product.run(`DROP FIELDGROUP '_xdm.context.profile-person-details'`)).rejects.toThrow(
      /those that are shipped stay/,
    )
  })

  it('say which option there is not', async () => {
    await expect(product.run(`CREATE FIELDGROUP f (a int) WITH (COLOUR = 'red')`)).rejects.toThrow(/colour/)
    await expect(product.run(`CREATE FIELDGROUP f (a int) WITH (LABEL = 'GOLD')`)).rejects.toThrow(/PROFILE/)
  })
})

let made: string | undefined

/** Of an event schema that only has what its class has. */
async function schemaId(): Promise<string> {
  made ??= (
    await product.call<{ $id: string }>('POST', '/data/foundation/schemaregistry/tenant/schemas', {
      title: 'Visits',
      type: 'object',
      allOf: [{ $ref: 'https://ns.adobe.com/xdm/context/experienceevent' }],
    })
  ).$id
  return made
}
