import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { armFaults } from '#base/faults.ts'
import { silentLogger } from '#base/log.ts'
import { loadConfig } from '../src/config/config.ts'
import { startServer } from '../src/serve.ts'
import { type ClientCredentials, signIn } from './support/actor.ts'
import { firstBatchRows, prepareHome, runScenario, secondBatchRows } from './support/fault-scenario.ts'
import { testMetadata } from './support/metadata.ts'
import { passableFolder } from './support/passable-folder.ts'
import { isSparkMissing, sparkServer } from './support/spark-server.ts'

const folder = passableFolder('spark-faults')
const prepared = join(folder, 'home')
const allRows = firstBatchRows + secondBatchRows

describe.skipIf(isSparkMissing)('rows that Spark computes and a scheduled block stores', () => {
  let env: Record<string, string>

  beforeAll(async () => {
    const { host, port } = await sparkServer()
    env = { SLUICE_SPARK_ADDRESS: `${host}:${port}` }
    await prepareHome(prepared)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each([
    [
      'before Spark begins, when its rows have arrived, and when they are committed',
      ['spark.write.before@server', 'spark.write.after@server', 'lake.commit.after@server'],
    ],
    [
      'when the rows have arrived, and the child that takes them over',
      ['spark.write.after@server', 'lake.write.done@child'],
    ],
  ])('are there once when the server dies %s', async (_name, points) => {
    let left: readonly string[] = []
    const outcome = await runScenario(prepared, {
      points,
      env,
      engine: 'spark',
      delivered: async (_destination, home) => void (left = readdirSync(join(home, 'spark-rows'))),
    })
    expect(outcome).toEqual({
      eventRows: allRows,
      eventIds: allRows,
      feedRows: allRows,
      feedIds: allRows,
      deliveredRows: allRows,
      unnamed: [],
      restarts: points.filter((point) => point.endsWith('server')).length,
      struck: points.map((point) => point.split('@')[0]),
    })
    expect(left).toEqual([])
  })
  it('are not stored when a file of them has not arrived', async () => {
    await using metadata = await testMetadata()
    const home = join(folder, 'own')
    const flags = { home, databaseUrl: metadata.databaseUrl, http: '127.0.0.1:0', postgres: '127.0.0.1:0' }
    const config = loadConfig({ flags, env, cwd: folder })
    await using server = await startServer({ config, logger: silentLogger, version: '0' })
    const credentials = JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8')) as ClientCredentials
    const admin = await signIn(server.http, credentials)
    const answer = async (sql: string) =>
      (await admin.ask('POST', '/sluice/v1/sql', { sql, format: 'json', database: 'all' })).text
    const create = 'SET engine = spark; CREATE TABLE numbers AS SELECT id FROM range(0, 1000, 1, 2)'
    armFaults((point) => {
      if (point === 'spark.write.after') rmSync(firstFile(join(home, 'spark-rows')))
    })
    try {
      expect(await answer(create)).toMatch(/Spark computed 1000 rows, and 500 of them have arrived here/)
    } finally {
      armFaults(undefined)
    }
    expect(await answer('SELECT * FROM numbers')).toMatch(/numbers/)
    await answer(create)
    expect(await answer('SELECT count(*) AS n FROM numbers')).toContain('1000')
  })
})

function firstFile(folder: string): string {
  const [first = ''] = readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.parquet'))
  return join(folder, first)
}
