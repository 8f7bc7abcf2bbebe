import { spawn } from 'node:child_process'
import { existsSync, openSync, readdirSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inject, test } from 'vitest'
import type { SparkAddress } from '../../src/engine/spark-engine.ts'
import { toolsCache } from './python.ts'

/** A server that somebody has started already, HOST:PORT: saves the start while one works on a test. */
const given = process.env['SLUICE_TEST_SPARK']

/** A JVM starts slowly on a busy machine. */
const startMs = 230_000

/** Where the Spark that `npm test` installs is. */
function sparkHome(): string | undefined {
  const lib = join(toolsCache, 'spark', 'lib')
  const [python] = existsSync(lib) ? readdirSync(lib) : []
  const home = python && join(lib, python, 'site-packages', 'pyspark')
  return home && existsSync(home) ? home : undefined
}

const isMissing = given === undefined && sparkHome() === undefined
if (isMissing && process.env['CI']) throw new Error('Under CI Spark must be there, and is not.')

/** Tests with Spark, which `npm test` installs; under CI it must be there. */
export const testWithSpark = test.skipIf(isMissing)
export const isSparkMissing = isMissing

/**
 * The one Spark Connect server of this run: the first test that asks starts it, all others use it, and the run's end
 * ends it.
 */
export async function sparkServer(): Promise<SparkAddress> {
  if (given !== undefined) return addressOf(given)
  const folder = inject('sparkFolder')
  if (await isFirst(folder)) await start(folder)
  return addressOf(await written(join(folder, 'address')))
}

function addressOf(text: string): SparkAddress {
  const [host = '', port = ''] = text.trim().split(':')
  return { host, port: Number(port), isEncrypted: false }
}

/** Test files run in processes of their own: a folder can be made once. */
async function isFirst(folder: string): Promise<boolean> {
  try {
    await mkdir(join(folder, 'started'))
    return true
  } catch {
    return false // Another one makes it.
  }
}

async function start(folder: string): Promise<void> {
  const log = join(folder, 'log')
  const { pid } = spawnSpark(folder, log, [
    ...connectOptions('local[2]', folder),
    '--conf',
    // Small statements are over before compiling them pays.
    'spark.sql.codegen.wholeStage=false',
    'spark-internal',
  ])
  await writeFile(join(folder, 'pid'), String(pid))
  const port = await portIn(log)
  // Whole at once, for those who wait for it.
  await writeFile(join(folder, 'address.new'), `127.0.0.1:${port}`)
  await rename(join(folder, 'address.new'), join(folder, 'address'))
}

/** What `spark-class` is given to run a Spark Connect server on a free port. */
export function connectOptions(master: string, folder: string): string[] {
  const conf = {
    'spark.connect.grpc.binding.address': '127.0.0.1',
    'spark.connect.grpc.binding.port': '0',
    'spark.connect.progress.reportInterval': '250ms',
    // Streams end early, so that whoever reads one has to go on in another.
    'spark.connect.execute.reattachable.senderMaxStreamSize': '4m',
    'spark.driver.host': '127.0.0.1',
    'spark.driver.bindAddress': '127.0.0.1',
    'spark.driver.extraJavaOptions': '-Duser.timezone=UTC -XX:+UseSerialGC',
    'spark.ui.enabled': 'false',
    'spark.sql.session.timeZone': 'UTC',
    'spark.sql.ansi.enabled': 'false',
    'spark.sql.shuffle.partitions': '1',
    'spark.sql.warehouse.dir': join(folder, 'warehouse'),
  }
  return [
    'org.apache.spark.deploy.SparkSubmit',
    '--class',
    'org.apache.spark.sql.connect.service.SparkConnectServer',
    '--name',
    'sluice-test',
    '--master',
    master,
    '--driver-memory',
    '1g',
    ...Object.entries(conf).flatMap(([name, value]) => ['--conf', `${name}=${value}`]),
  ]
}

/** Starts one of Spark's programs; what it says goes to a file. */
export function spawnSpark(
  folder: string,
  log: string,
  options: readonly string[],
  env: Readonly<Record<string, string>> = {},
): { readonly pid: number } {
  const home = sparkHome() ?? ''
  const file = openSync(log, 'a')
  const child = spawn(join(home, 'bin', 'spark-class'), options, {
    cwd: folder,
    // It outlives the test that began it.
    detached: true,
    stdio: ['ignore', file, file],
    env: { ...process.env, SPARK_HOME: home, SPARK_LOCAL_IP: '127.0.0.1', SPARK_NO_DAEMONIZE: '1', ...env },
  })
  child.unref()
  return { pid: child.pid ?? 0 }
}

/** The port that the server has chosen. */
export async function portIn(log: string): Promise<number> {
  const pattern = /SparkConnectService' on port (\d+)/
  return await eventually(`Spark says its port in ${log}`, async () => {
    const port = pattern.exec(await readFile(log, 'utf8'))?.[1]
    return port === undefined ? undefined : Number(port)
  })
}

async function written(path: string): Promise<string> {
  return await eventually(`there is ${path}`, async () =>
    existsSync(path) ? await readFile(path, 'utf8') : undefined,
  )
}

/** Looks until there is something, as long as a JVM may take. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const until = Date.now() + startMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > until) throw new Error(`Not so after ${startMs} ms: ${what}.`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
