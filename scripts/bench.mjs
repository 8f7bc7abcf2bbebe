// npm run bench: ratios against something real, in the same run. Options: --rows 1000000,10000000
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { projectNode, root } from './bootstrap.mjs'

const { node } = projectNode()
const result = spawnSync(
  node,
  ['--disable-warning=ExperimentalWarning', join(root, 'bench', 'bench.ts'), ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit' },
)
process.exit(result.status ?? 1)
