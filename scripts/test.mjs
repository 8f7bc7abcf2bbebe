// npm test: installs what is missing, runs every test, prints the time of each suite and the totals.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { projectNode, root } from './bootstrap.mjs'
import { installTestTools, toolsCache } from './tools.mjs'

const isCi = Boolean(process.env.CI)
const isLong = process.argv.includes('--long')
const filters = process.argv.slice(2).filter((argument) => argument !== '--long')

const { node, env } = projectNode()
const setUpAt = Date.now()
const problems = await installTestTools({ isLong })
for (const problem of problems) process.stderr.write(`${isCi ? 'error' : 'skipped'}: ${problem}\n`)
if (isCi && problems.length > 0) process.exit(1)
process.stderr.write(`Set-up took ${((Date.now() - setUpAt) / 1000).toFixed(1)} s.\n`)

const resultsFile = join(root, '.cache', 'test-results.json')
mkdirSync(join(root, '.cache'), { recursive: true })
rmSync(resultsFile, { force: true })
const startedAt = Date.now()
const vitest = spawnSync(
  node,
  [
    join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    ...(isLong ? ['--config', 'vitest.long.config.ts'] : []),
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${resultsFile}`,
    ...filters,
  ],
  { cwd: root, stdio: 'inherit', env: { ...env, SLUICE_TEST_CACHE: toolsCache } },
)

let results
try {
  results = JSON.parse(readFileSync(resultsFile, 'utf8'))
} catch {
  process.stderr.write('The test runner left no results; see its messages above.\n')
  process.exit(vitest.status || 1)
}

/** What a failure says, and where: the rest is above, in the runner's own report. */
const firstLines = (message) =>
  message
    .split('\n')
    .filter((line) => !line.includes('/node_modules/'))
    .slice(0, 20)
    .join('\n')
const seconds = (ms) => `${(ms / 1000).toFixed(1).padStart(7)} s`
console.log('\nTime per suite')
for (const suite of results.testResults
  .map((suite) => ({ name: relative(root, suite.name), ms: suite.endTime - suite.startTime }))
  .sort((a, b) => b.ms - a.ms)) {
  console.log(`${seconds(suite.ms)}  ${suite.name}`)
}
console.log(`${seconds(Date.now() - startedAt)}  all, as the clock ran\n`)

// Once more at the end, where who reads the last lines only, or is given no more of a log, finds them.
for (const suite of results.testResults.filter((suite) => suite.status === 'failed')) {
  const name = relative(root, suite.name)
  const tests = suite.assertionResults.filter((test) => test.status === 'failed')
  if (tests.length === 0) console.log(`FAILED ${name}\n${firstLines(suite.message)}\n`)
  for (const test of tests) {
    console.log(`FAILED ${name} > ${test.fullName}\n${firstLines(test.failureMessages.join('\n'))}\n`)
  }
}

const skipped = results.numPendingTests + results.numTodoTests
const failedSuites = results.testResults.filter(
  (s) => s.status === 'failed' && s.assertionResults.every((t) => t.status !== 'failed'),
).length
const failed = results.numFailedTests + failedSuites
console.log(`${results.numPassedTests} passed, ${failed} failed, ${skipped} skipped`)
if (isCi && skipped > 0) {
  process.stderr.write('Under CI no test may be skipped.\n')
  process.exit(1)
}
process.exit(failed > 0 ? 1 : (vitest.status ?? 1))
