import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { askOn } from '../src/shadow/ask.ts'
import { ShadowConnection } from '../src/shadow/connection.ts'
import { loadGrammar, partsOf } from '../src/shadow/route.ts'
import { type ShadowServer, startShadowServer } from '../src/shadow/server.ts'
import { askerRole } from '../src/shadow/template.ts'
import { readTexts } from '../src/shadow/wire.ts'
import { passableFolder } from './support/passable-folder.ts'
import { ann, questionOf } from './support/shadow.ts'

/** Every question that was recorded from clients, asked of the shadow and of a plain PostgreSQL with the same tables. */

interface Recorded {
  readonly client: string
  readonly catalog: boolean
  readonly sql: string
  readonly params: readonly (string | null)[] | null
}

const fixtures = join(import.meta.dirname, 'fixtures', 'catalogue')
const setup = readFileSync(join(fixtures, 'setup.sql'), 'utf8').replace(
  /create role reader;|grant [^;]*reader;/g,
  '',
)
const recorded = readFileSync(join(fixtures, 'questions.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line): Recorded => JSON.parse(line))
  .filter(({ catalog, sql }) => catalog && /^\s*(?:select|with)\b/i.test(sql))
const questions = Array.from(
  new Map(recorded.map((one) => [JSON.stringify([one.sql, one.params]), one])).values(),
)

let folder = ''
let server: ShadowServer
let plain: Client
let shadow: ShadowConnection
beforeAll(async () => {
  folder = passableFolder('corpus')
  const logger = { log: () => {}, child: () => logger }
  await loadGrammar()
  server = await startShadowServer({
    folder: join(folder, 'shadow'),
    programsFolder: join(folder, 'programs'),
    logger,
  })
  await server.make('corpus', [
    `${setup}; GRANT USAGE ON SCHEMA app TO asker; GRANT SELECT ON ALL TABLES IN SCHEMA app TO asker;`,
  ])
  shadow = await ShadowConnection.open(server.socket, askerRole, 'corpus')
  const connection = { host: dirname(server.socket), port: 5432, user: 'sluice' }
  const admin = new Client({ ...connection, database: 'postgres' })
  await admin.connect()
  await admin.query('CREATE DATABASE plain')
  await admin.end()
  plain = new Client({
    ...connection,
    database: 'plain',
    types: { getTypeParser: () => (value: unknown) => value },
  })
  await plain.connect()
  await plain.query(setup)
  await plain.query('SET search_path = app, public')
})
afterAll(async () => {
  shadow.close()
  await plain.end()
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test('there are many, of every client', () => {
  expect(new Set(questions.map(({ client }) => client))).toEqual(
    new Set(['psql', 'sqlalchemy', 'pgjdbc', 'asyncpg', 'psycopg', 'psqlodbc', 'typeorm']),
  )
  expect(questions.length).toBeGreaterThan(180)
})

/** Answers that are ours on purpose: they tell of the one who asks, not of the server. */
const ours =
  /pg_database|pg_roles|pg_settings|current_user|current_database|current_setting|pg_user\b|pg_auth_members|set_config|pg_tablespace|nspowner|columns\.\*/i
/** They list everything a database has, and ours has helpers of its own. */
const everything =
  /pg_proc|pg_type|\bpg_range|information_schema|pg_default_acl|pg_language|relname LIKE|'s','S'|'r','p','t','s'|relkind IN \('r','p','v','m','S','s','f',''\)/i

test.for(
  questions.map((question, index) => ({
    ...question,
    name: `${index} ${question.client}: ${question.sql.trim().slice(0, 60)}`,
  })),
)('$name', async ({ sql, params }) => {
  const oids = await oidsOf(sql)
  const asked = sql.replaceAll(/\b(16\d{3})\b/g, (oid) => oids.shadow.get(oid) ?? '0')
  const askedPlainly = sql.replaceAll(/\b(16\d{3})\b/g, (oid) => oids.plain.get(oid) ?? '0')
  const question = questionOf(asked)
  expect(partsOf(asked)).toHaveLength(1)
  const answer = await askOn(shadow, {
    question,
    asker: ann,
    shown: { schemas: ['app', 'public'] },
    signal: AbortSignal.timeout(20_000),
    given: {
      parameterOids: [],
      parameterFormats: [],
      parameters: (params ?? []).map((value) => (value === null ? null : Buffer.from(value))),
      resultFormats: (columns) => columns.map(() => 0),
    },
  })
  const expected = await plain.query({ text: askedPlainly, values: [...(params ?? [])], rowMode: 'array' })
  expect(answer.columns.map(({ name, wire }) => [name, wire.oid < 16_384 ? wire.oid : 'own'])).toEqual(
    expected.fields.map(({ name, dataTypeID }) => [name, dataTypeID < 16_384 ? dataTypeID : 'own']),
  )
  if (ours.test(sql)) return
  const rows = answer.rows.map((row) => readTexts(row).map(masked).join('|')).toSorted()
  const expectedRows = expected.rows.map((row: (string | null)[]) => row.map(masked).join('|')).toSorted()
  if (everything.test(sql)) expect(rows).toEqual(expect.arrayContaining(expectedRows))
  else expect(rows).toEqual(expectedRows)
})

/** The numbers that things made later have differ; so do owners' names, which tell of the server. */
function masked(text: string | null): string {
  return text === null
    ? 'NULL'
    : text
        .replaceAll(/(?<!\d)1[6-9]\d{3}(?!\d)/g, 'oid')
        .replaceAll(/=[A-Za-z]+\/sluice/g, '=…')
        .replaceAll(/,?asker=…/g, '')
}

/** What recorded numbers are called here: the relations of the setup, as far as clients asked for more than one thing of them. */
const relations = ['customer', 'orders']
async function oidsOf(sql: string): Promise<{ shadow: Map<string, string>; plain: Map<string, string> }> {
  const recordedOids = ['16399', '16411']
  const maps = { shadow: new Map<string, string>(), plain: new Map<string, string>() }
  if (!/\b16\d{3}\b/.test(sql)) return maps
  const text = `SELECT relname, oid::text FROM pg_class WHERE relname = ANY ('{${relations.join(',')}}')`
  const here = await askOn(shadow, {
    question: questionOf(text),
    asker: ann,
    shown: { schemas: ['app'] },
    signal: AbortSignal.timeout(20_000),
    given: { parameterOids: [], parameterFormats: [], parameters: [], resultFormats: () => [0, 0] },
  })
  const there = await plain.query({ text, rowMode: 'array' })
  for (const [map, rows] of [
    [maps.shadow, here.rows.map(readTexts)],
    [maps.plain, there.rows],
  ] as const) {
    for (const [name, oid] of rows) map.set(recordedOids[relations.indexOf(name ?? '')] ?? '', oid ?? '')
  }
  return maps
}
