// npm run check: format, lint, types, dead code. (The walls between folders are a test: test/architecture.test.ts.)
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { projectNode, root } from './bootstrap.mjs'

const isFixing = process.argv.includes('--fix')
const { node } = projectNode()
const bin = (path) => [node, join(root, 'node_modules', path)]

const steps = isFixing
  ? [['format', ...bin('oxfmt/bin/oxfmt'), '.']]
  : [
      ['format', ...bin('oxfmt/bin/oxfmt'), '--check', '.'],
      ['lint', ...bin('oxlint/bin/oxlint'), '--type-aware', '--deny-warnings', '.'],
      ['types', ...bin('typescript/bin/tsc'), '-p', '.'],
      ['dead code', ...bin('knip/bin/knip.js')],
    ]

let failed = 0
for (const [name, command, ...args] of steps) {
  const started = Date.now()
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  const isGood = result.status === 0
  if (!isGood) failed++
  console.log(`${isGood ? 'ok    ' : 'FAILED'} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`)
}
process.exit(failed > 0 ? 1 : 0)
