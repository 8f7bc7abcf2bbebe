// Installs what the tests need beyond npm: Python environments for PyIceberg and aepp, psql, and an S3 server. Plain JavaScript for Node 18.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { root } from './bootstrap.mjs'

/** Outside the repo, so that a fresh clone on the same machine finds it. */
export const toolsCache = process.env.SLUICE_TEST_CACHE ?? join(homedir(), '.cache', 'sluice-tests')

/** The S3 server of the tests: which module of Go, which version, and the checksum its source must have. */
const s3Server = {
  module: 'github.com/versity/versitygw',
  version: 'v1.8.0',
  sum: 'h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc=',
}

/** Returns one sentence for each tool that could not be had. */
export async function installTestTools() {
  mkdirSync(toolsCache, { recursive: true })
  const problems = await Promise.all([
    installPython('python', 'PyIceberg', [{ file: 'requirements.txt', flags: [] }]),
    // Of the client's requirements only those that its registry calls need: one of the others wants a C library.
    installPython('aepp', 'the client aepp', [
      { file: 'aepp-requirements.txt', flags: [] },
      { file: 'aepp.txt', flags: ['--no-deps'] },
    ]),
    installPsql(),
    installS3Server(),
  ])
  return problems.filter((problem) => problem !== undefined)
}

async function installPython(name, what, lists) {
  const files = lists.map(({ file }) => join(root, 'test', 'python', file))
  const folder = join(toolsCache, name)
  const stamp = join(folder, '.requirements')
  const hash = createHash('sha256')
  for (const file of files) hash.update(readFileSync(file))
  const wanted = hash.digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return undefined
  const python = ['python3.13', 'python3.12', 'python3.11', 'python3'].find((command) => canRun(command))
  if (!python) return `Python 3.11 or newer is missing: the tests with ${what} need it.`
  process.stderr.write(`Installing the Python packages for ${what} (once)…\n`)
  rmSync(folder, { recursive: true, force: true })
  const pip = ['install', '--quiet', '--disable-pip-version-check']
  let made = await run(python, ['-m', 'venv', folder])
  for (const [index, { flags }] of lists.entries()) {
    made &&= await run(join(folder, 'bin', 'pip'), [...pip, ...flags, '-r', files[index]])
  }
  if (!made) return `The Python environment for ${what} could not be made; see the messages above.`
  writeFileSync(stamp, wanted)
  return undefined
}

async function installPsql() {
  if (canRun('psql')) return undefined
  if (process.getuid?.() === 0 && canRun('apt-get')) {
    process.stderr.write('Installing psql (once)…\n')
    const installed =
      (await run('apt-get', ['-qq', 'update'])) &&
      (await run('apt-get', ['-qq', '-y', 'install', 'postgresql-client']))
    if (installed) return undefined
  }
  return 'psql is missing: the tests of the PostgreSQL protocol need it (Debian: apt-get install postgresql-client).'
}

/** Built from its source, whose checksum is pinned here; what it needs in turn is pinned by its own module file. */
async function installS3Server() {
  const { module, version, sum } = s3Server
  const program = join(toolsCache, `versitygw-${version}`)
  if (existsSync(program)) return undefined
  const go = ['go', '/usr/local/go/bin/go'].find((command) => canRun(command, 'version'))
  if (!go) return 'Go is missing: the S3 server of the tests is built with it (https://go.dev/dl).'
  process.stderr.write('Building the S3 server of the tests (once)…\n')
  const folder = mkdtempSync(join(toolsCache, 'go-'))
  try {
    const env = { ...process.env, GOBIN: folder, GOTOOLCHAIN: 'local', GOFLAGS: '', CGO_ENABLED: '0' }
    const found = sumOf(go, `${module}@${version}`, { cwd: folder, env })
    if (found !== sum) return `The source of ${module} ${version} has the checksum ${found}, not ${sum}.`
    const flags = ['-trimpath', '-ldflags=-s -w']
    const target = `${module}/cmd/versitygw@${version}`
    if (!(await run(go, ['install', ...flags, target], { cwd: folder, env })))
      return 'The S3 server of the tests could not be built; see the messages above.'
    renameSync(join(folder, 'versitygw'), program)
    return undefined
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function sumOf(go, target, options) {
  try {
    return JSON.parse(execFileSync(go, ['mod', 'download', '-json', target], options)).Sum
  } catch {
    return 'that could not be had'
  }
}

function canRun(command, flag = '--version') {
  return spawnSync(command, [flag], { stdio: 'ignore' }).status === 0
}

function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 2, 2] })
    child.on('error', () => resolve(false))
    child.on('close', (code) => resolve(code === 0))
  })
}
