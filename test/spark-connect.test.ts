import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { silentLogger } from '#base/log.ts'
import type { QueryEngine } from '#engine/engine.ts'
import { createSparkEngine } from '#engine/spark-engine.ts'
import { readArrow } from '../src/engine/spark/arrow-batch.ts'
import { type Connection, connect } from '../src/engine/spark/connection.ts'
import { Operation } from '../src/engine/spark/operation.ts'
import { SparkSession } from '../src/engine/spark/session.ts'
import { startCuttingProxy } from './support/cutting-proxy.ts'
import { sharedSpark, testSpark, type TestSpark } from './support/spark.ts'
import { eventually, testWithSpark } from './support/spark-server.ts'

const long = { kind: 'long' } as const
const columns = [{ name: 'n', type: long }]

/** Keeps every core of the test's Spark busy for much longer than a test may take. */
const endless = `SELECT count_if(sha2(repeat(CAST(id AS STRING), 50), 512) LIKE '%ff%') AS n
  FROM range(0, 20000000000, 1, 8)`

/**
 * Needs a task, and so a core: says whether one is free. Sooner than what was not interrupted is let go of, which ends it
 * too, after half a minute.
 */
async function isIdle(spark: TestSpark): Promise<boolean> {
  const signal = AbortSignal.timeout(20_000)
  const rows = await spark.rows('SELECT sum(id) AS n FROM range(0, 1000, 1, 2)', { columns, signal })
  return rows[0]?.[0] === 499_500
}

function begin(engine: QueryEngine, signal: AbortSignal) {
  return engine.open(
    { sql: endless, files: [], pool: 'interactive' },
    { encoding: { kind: 'jsonRows' }, columns, signal },
  )
}

describe('Spark', () => {
  testWithSpark('ends what is cancelled before it began', { timeout: 240_000 }, async () => {
    const spark = await sharedSpark()
    const cancel = new AbortController()
    await using pull = await begin(spark.engine, cancel.signal)
    const pulled = pull.pull({ rowCountMax: 1, bytesMax: 1 })
    cancel.abort()
    await expect(pulled).rejects.toMatchObject({ code: 'query.cancelled' })
    expect(await isIdle(spark)).toBe(true)
  })

  testWithSpark('tells of a failure that came before anybody asked', { timeout: 240_000 }, async () => {
    const spark = await sharedSpark()
    using connection = connect(spark.address)
    const user = { userId: 'early', userName: 'early' }
    const stream = connection.stream('ExecutePlan', {
      sessionId: randomUUID(),
      userContext: user,
      clientType: 'test',
      operationId: randomUUID(),
      plan: { root: { sql: { query: 'SELECT * FROM there_is_no_such_table' } } },
    })
    await new Promise((resolve) => setTimeout(resolve, 5_000))
    const taken = (async () => {
      for await (const message of stream) expect(message.arrowBatch).toBeUndefined()
    })()
    await expect(taken).rejects.toThrow('there_is_no_such_table')
  })

  testWithSpark('ends what is cancelled while it runs', { timeout: 240_000 }, async () => {
    const spark = await sharedSpark()
    const cancel = new AbortController()
    await using pull = await begin(spark.engine, cancel.signal)
    setTimeout(() => cancel.abort(), 3_000)
    await expect(pull.pull({ rowCountMax: 1, bytesMax: 1 })).rejects.toMatchObject({
      code: 'query.cancelled',
    })
    expect(await isIdle(spark)).toBe(true)
  })

  testWithSpark('ends what a server left that was killed', { timeout: 240_000 }, async () => {
    await using spark = await testSpark()
    const stateFile = join(spark.folder, 'of-two-lives')
    using connection = connect(spark.address)
    const first = new SparkSession({ connection, stateFile, logger: silentLogger })
    const lost = await first.within(
      async (identity) => new Operation(connection, identity, { root: { sql: { query: endless } } }),
    )
    const ended = lost.next().catch((error: unknown) => error)
    await eventually('it runs', async () => lost.hasStarted || undefined)
    // Nobody says goodbye: the next life finds the session's id.
    const second = {
      address: spark.address,
      statementsMax: 2,
      stateFile,
      folder: join(spark.folder, 'rows'),
      logger: silentLogger,
    }
    await using engine = createSparkEngine(second)
    await engine.describe(
      { sql: 'SELECT 1', files: [], pool: 'interactive' },
      { signal: new AbortController().signal },
    )
    expect(await ended).toBeInstanceOf(Error)
    expect(await isIdle(spark)).toBe(true)
  })

  testWithSpark('begins a new session when the server has lost the old one', async () => {
    await using spark = await testSpark()
    expect(await spark.rows('SELECT 1L AS n', { columns })).toEqual([[1]])
    using connection = connect(spark.address)
    const session = new SparkSession({
      connection,
      stateFile: join(spark.folder, 'session'),
      logger: silentLogger,
    })
    // It takes the file for one of an earlier life, and ends what it names.
    await session.within(async () => {})
    await session.end()
    expect(await spark.rows('SELECT 2L AS n', { columns })).toEqual([[2]])
  })

  testWithSpark('gives every row once over streams that end early', { timeout: 240_000 }, async () => {
    await using spark = await testSpark()
    using connection = connect(spark.address)
    expect(await everyRowOnce(spark, connection, () => {})).toBeGreaterThan(0)
  })

  testWithSpark('gives every row once over a connection that breaks', { timeout: 240_000 }, async () => {
    await using spark = await testSpark()
    await using proxy = await startCuttingProxy(spark.address.port)
    using connection = connect({ ...spark.address, port: proxy.port })
    const cutAt = new Set([1, 4])
    await everyRowOnce(spark, connection, (batch) => {
      if (cutAt.has(batch)) proxy.cut(0, batch === 1 ? 'before' : 'after')
    })
    expect(proxy.cuts()).toBe(2)
  })

  testWithSpark('takes a row that is larger than a message may be elsewhere', async () => {
    const spark = await sharedSpark()
    const [[text] = []] = await spark.rows(`SELECT repeat('x', 12000000) AS text`)
    expect(String(text).length).toBe(12_000_000)
  })

  testWithSpark('holds little of a large result', { timeout: 240_000 }, async () => {
    const spark = await sharedSpark()
    const sql = `SELECT id AS n, repeat('y', 200) AS text FROM range(0, 400000, 1, 16)`
    const wide = [...columns, { name: 'text', type: { kind: 'string' } as const }]
    await using pull = await spark.engine.open(
      { sql, files: [], pool: 'interactive' },
      { encoding: { kind: 'jsonLines' }, columns: wide, signal: new AbortController().signal },
    )
    const before = process.memoryUsage().rss
    let [rowCount, rssMax] = [0, 0]
    for (;;) {
      const chunk = await pull.pull({ rowCountMax: 100_000, bytesMax: 1_000_000 })
      rowCount += chunk.rowCount
      rssMax = Math.max(rssMax, process.memoryUsage().rss)
      if (chunk.state === 'done') break
    }
    expect(rowCount).toBe(400_000)
    // The result is 90 MB as it is encoded here, more as it comes.
    expect(rssMax - before).toBeLessThan(150 * 1024 * 1024)
  })

  testWithSpark('says that nothing answers, and works when something does', async () => {
    await using engine = await testSpark({ host: '127.0.0.1', port: 9, isEncrypted: false })
    await expect(engine.describe('SELECT 1')).rejects.toMatchObject({ code: 'engine.unavailable' })
  })
})

/** Reads a result of 150,000 rows, told of each batch before the next one is asked for; how often streams were followed. */
async function everyRowOnce(
  spark: TestSpark,
  connection: Connection,
  onBatch: (batch: number) => void,
): Promise<number> {
  const session = new SparkSession({
    connection,
    stateFile: join(spark.folder, 'own'),
    logger: silentLogger,
  })
  const rowCount = 150_000
  const query = `SELECT id AS n, repeat('x', 60) AS text FROM range(0, ${rowCount}, 1, 6)`
  const seen = new Uint8Array(rowCount)
  const operation = await session.within(
    async (identity) => new Operation(connection, identity, { root: { sql: { query } } }),
  )
  let batchCount = 0
  for (let bytes = await operation.next(); bytes; bytes = await operation.next()) {
    for (const batch of readArrow(bytes)) {
      for (let row = 0; row < batch.rowCount; row++) seen[Number(batch.value(0, row))]! += 1
    }
    batchCount += 1
    onBatch(batchCount)
  }
  expect(seen.every((count) => count === 1)).toBe(true)
  await operation.stop()
  await session.end()
  return operation.reattachCount
}
