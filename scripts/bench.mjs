// npm run bench: ratios against something real, in the same run. Options: --rows 1000000,10000000; --only lake: commits,
// plans and compaction of tables of many files; --only compile: from text to the engine's text
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { projectNode, root } from './bootstrap.mjs'

const { node } = projectNode()
const [, only = 'bench'] = /--only (lake|compile)\b/.exec(process.argv.join(' ')) ?? []
const result = spawnSync(
  node,
  ['--disable-warning=ExperimentalWarning', join(root, 'bench', `${only}.ts`), ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit' },
)
process.exit(result.status ?? 1)
