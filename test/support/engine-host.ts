import { silentLogger } from '../../src/base/log.ts'
import { createDuckdbEngine } from '../../src/engine/duckdb-engine.ts'

// A server that has an engine and nothing else: tells the children's pids, starts a long statement, waits to be killed.

const engine = await createDuckdbEngine({
  interactiveChildren: 1,
  statementsPerChild: 2,
  batchChildren: 1,
  memoryBytes: 2 ** 29,
  scratchFolder: process.argv[2]!,
  logger: silentLogger,
})
const pull = engine.open(
  {
    sql: 'SELECT sum(a.i * b.i % 7) FROM range(1000000) a(i), range(1000000) b(i)',
    files: [],
    pool: 'interactive',
  },
  {
    encoding: { kind: 'jsonRows' },
    columns: [{ name: 'sum', type: { kind: 'double' } }],
    signal: new AbortController().signal,
  },
)
process.stdout.write(`${JSON.stringify(engine.status().children.map(({ pid }) => pid))}\n`)
await pull
