import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { cases, differences } from './support/conformance-cases.ts'
import { testMetadata } from './support/metadata.ts'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct } from './support/product.ts'
import { startup, WireClient } from './support/wire-client.ts'
import { transcript } from './support/wire-transcript.ts'

/** The same bytes sent to Sluice and to a real PostgreSQL 16; the answers must be the same, message by message. */
const running = new AsyncDisposableStack()
let ours: () => Promise<WireClient>
let theirs: () => Promise<WireClient>

beforeAll(async () => {
  const folder = passableFolder('conformance')
  running.defer(() => rm(folder, { recursive: true, force: true }))
  const home = join(folder, 'home')
  const product = running.use(await startProduct({ home }))
  const database = running.use(await testMetadata())
  const columns = 'id, pages, big, small, ratio, value, at, day, ok, note'
  const rows = [
    [
      'v1',
      '3',
      '9007199254740993',
      '1',
      '0.5',
      '12.50',
      '2026-01-01 10:00:00',
      '2026-01-01',
      'true',
      'plain',
    ],
    [
      'v2',
      '-1',
      '-5',
      '-2',
      '1e20',
      '-0.01',
      '1999-12-31 23:59:59.123456',
      '0001-01-01',
      'false',
      'a\tb"c\\d',
    ],
    ['v3', null, null, null, null, null, null, null, null, null],
  ]
  const types = [
    'text',
    'int',
    'bigint',
    'smallint',
    'double',
    'decimal(6, 2)',
    'timestamp',
    'date',
    'boolean',
    'text',
  ]
  const values = (cast: (value: string, type: string) => string) =>
    rows
      .map(
        (row) =>
          `(${row.map((value, index) => (value === null ? 'NULL' : cast(value, types[index]!))).join(', ')})`,
      )
      .join(', ')
  const ofSpark = (value: string, type: string) =>
    type === 'text' ? `'${value.replaceAll('\\', '\\\\')}'` : `cast('${value}' AS ${type})`
  await product.run(`CREATE TABLE kinds AS SELECT * FROM VALUES ${values(ofSpark)} AS v(${columns})`)
  const client = new pg.Client({ connectionString: database.databaseUrl })
  await client.connect()
  await client.query(`SET TimeZone = 'UTC'; CREATE TABLE kinds (id text, pages int, big bigint, small smallint,
    ratio float8, value numeric(6, 2), at timestamptz, day date, ok boolean, note text);
    INSERT INTO kinds VALUES ${values((value) => `'${value}'`)}`)
  await client.end()
  const { sqlUser, sqlPassword } = JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8'))
  const port = Number(product.postgres.split(':')[1])
  const { host, user } = inject('postgres')
  ours = () => WireClient.signedIn(port, { user: sqlUser, password: sqlPassword })
  theirs = async () => {
    const made = await WireClient.connect(join(host, '.s.PGSQL.5432'))
    const name = new URL(database.databaseUrl.replace('@/', '@host/')).pathname.slice(1)
    made.send(startup({ user, database: name, TimeZone: 'UTC' }))
    await made.untilReady()
    return made
  }
}, 120_000)
afterAll(() => running.disposeAsync())

test.each(cases.map(({ name, steps }) => [name, steps] as const))('%s', async (name, steps) => {
  await using us = await ours()
  await using them = await theirs()
  for (const [index, step] of steps.entries()) {
    const said: string[][] = []
    for (const client of [us, them]) {
      client.send(...step.send)
      const messages = []
      for (let count = 0; count < (step.answers ?? 1); count++) messages.push(...(await client.untilReady()))
      said.push(transcript(messages))
    }
    const difference = differences.find((known) => known.name === name && (known.step ?? 0) === index)
    const [ourLines = [], theirLines = []] = said
    if (!difference) {
      expect(ourLines).toEqual(theirLines)
      continue
    }
    // A difference that is listed must be there, and be that one.
    expect({ ours: ourLines.filter((line) => !theirLines.includes(line)), why: difference.why }).toEqual({
      ours: difference.ours,
      why: difference.why,
    })
  }
})

test('every listed difference is of a case', () => {
  const known = new Set(cases.map(({ name }) => name))
  expect(differences.filter(({ name }) => !known.has(name))).toEqual([])
})
