// npm run bench: ratios against something real, in the same run. Options: --rows 1000000,10000000; --only one of
//   lake     commits, plans and compaction of tables of many files
//   adf      each Adobe-defined function against SQL by hand
//   access   decisions, schemas and the Catalog
//   compile  the documented statements through the front end
//   exports  deliveries to each kind of destination, and by others: --rows 10000000 --parts stores,texts,increments,peers
//   ingest   streamed messages, and loads in each format: --messages 50000 --rows 1000000
//   sessions 30-minute sessions under a memory limit: --memory 1GB --buckets 16
//   wire     the PostgreSQL protocol and REST streams beside a PostgreSQL 16: --rows 1000000,50000000 --seconds 3 --parts bulk,latency
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { projectNode, root } from './bootstrap.mjs'
import { installPeers } from './tools.mjs'

const { node } = projectNode()
const only = /--only[ =](lake|adf|access|compile|exports|sessions|wire|ingest)\b/.exec(
  process.argv.join(' '),
)?.[1]
if (only === 'exports') {
  const problem = await installPeers()
  if (problem) console.error(problem)
}
const result = spawnSync(
  node,
  [
    '--disable-warning=ExperimentalWarning',
    join(root, 'bench', `${only ?? 'bench'}.ts`),
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit' },
)
process.exit(result.status ?? 1)
