import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SparkAddress } from '../../src/engine/spark-engine.ts'
import { connectOptions, eventually, portIn, spawnSpark } from './spark-server.ts'

export interface SparkCluster extends AsyncDisposable {
  readonly address: SparkAddress
  /** What the workers have written of the executors they started. */
  executorsOf(worker: 1 | 2): Promise<number>
}

const endMs = 30_000
/** Of the master and the workers alone: the server of Spark Connect would take it for its own. */
const daemon = {
  SPARK_DAEMON_MEMORY: '256m',
  SPARK_MASTER_OPTS: '-Dspark.ui.enabled=false -Dspark.master.rest.enabled=false',
  SPARK_WORKER_OPTS: '-Dspark.ui.enabled=false',
}

/** A master, two workers of one core each and a Spark Connect server, all on loopback. */
export async function startSparkCluster(options: { readonly jars: string }): Promise<SparkCluster> {
  await using starting = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'spark-cluster-'))
  starting.defer(() => rm(folder, { recursive: true, force: true }))
  const log = (name: string): string => join(folder, `${name}.log`)
  const start = (name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): void => {
    const { pid } = spawnSpark(folder, log(name), args, env)
    starting.defer(() => end(pid))
  }
  const place = ['--host', '127.0.0.1', '--webui-port', '0']
  start('master', ['org.apache.spark.deploy.master.Master', ...place, '--port', '0'], daemon)
  const master = await eventually('the master says its port', async () => {
    return /Starting Spark master at (spark:\/\/[\d.:]+)/.exec(await readFile(log('master'), 'utf8'))?.[1]
  })
  for (const number of [1, 2]) {
    const work = join(folder, `worker${number}`)
    await mkdir(work)
    const own = ['--cores', '1', '--memory', '1g', '--work-dir', work, master]
    start(`worker${number}`, ['org.apache.spark.deploy.worker.Worker', ...place, ...own], daemon)
  }
  const conf = {
    'spark.jars': options.jars,
    'spark.executor.memory': '640m',
    'spark.executor.cores': '1',
    'spark.executor.extraJavaOptions': '-XX:+UseSerialGC -XX:TieredStopAtLevel=1',
    'spark.cores.max': '2',
    // Both are there before the first statement.
    'spark.scheduler.minRegisteredResourcesRatio': '1.0',
    'spark.scheduler.maxRegisteredResourcesWaitingTime': '120s',
  }
  start('connect', [
    ...connectOptions(master, folder),
    ...Object.entries(conf).flatMap(([name, value]) => ['--conf', `${name}=${value}`]),
    'spark-internal',
  ])
  const port = await portIn(log('connect'))
  const started = starting.move()
  return {
    address: { host: '127.0.0.1', port, isEncrypted: false },
    executorsOf: async (worker) =>
      (await readFile(log(`worker${worker}`), 'utf8')).split('Asked to launch executor').length - 1,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

async function end(pid: number): Promise<void> {
  const isAlive = (): boolean => {
    try {
      process.kill(pid, 0)
      return true
    } catch {
      return false
    }
  }
  if (!isAlive()) return
  process.kill(pid, 'SIGTERM')
  const until = Date.now() + endMs
  while (isAlive() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 100))
  if (isAlive()) process.kill(pid, 'SIGKILL')
}
