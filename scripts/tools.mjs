// Installs what the tests need beyond npm: a Python environment for PyIceberg, and psql. Plain JavaScript for Node 18.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { root } from './bootstrap.mjs'

/** Outside the repo, so that a fresh clone on the same machine finds it. */
export const toolsCache = process.env.SLUICE_TEST_CACHE ?? join(homedir(), '.cache', 'sluice-tests')

/** Returns one sentence for each tool that could not be had. */
export function installTestTools() {
  mkdirSync(toolsCache, { recursive: true })
  return [installPython(), installAepp(), installPsql()].filter((problem) => problem !== undefined)
}

function installPython() {
  const requirements = join(root, 'test', 'python', 'requirements.txt')
  const folder = join(toolsCache, 'python')
  const stamp = join(folder, '.requirements')
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return undefined
  const python = ['python3.13', 'python3.12', 'python3.11', 'python3.10', 'python3'].find(canRun)
  if (!python) return 'Python 3.10 or newer is missing: the tests that read the lake with PyIceberg need it.'
  process.stderr.write('Installing the Python packages of the tests (once)…\n')
  rmSync(folder, { recursive: true, force: true })
  const made =
    run(python, ['-m', 'venv', folder]) &&
    run(join(folder, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', '-r', requirements])
  if (!made) return 'The Python environment for PyIceberg could not be made; see the messages above.'
  writeFileSync(stamp, wanted)
  return undefined
}

/** Of the client's requirements only those that its registry calls need: one of the others wants a C library. */
function installAepp() {
  const needs = join(root, 'test', 'python', 'aepp-requirements.txt')
  const client = join(root, 'test', 'python', 'aepp.txt')
  const folder = join(toolsCache, 'aepp')
  const stamp = join(folder, '.requirements')
  const wanted = createHash('sha256').update(readFileSync(needs)).update(readFileSync(client)).digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return undefined
  const python = ['python3.13', 'python3.12', 'python3.11', 'python3.10', 'python3'].find(canRun)
  if (!python) return 'Python 3.10 or newer is missing: the tests with the client aepp need it.'
  process.stderr.write('Installing the client aepp for the tests (once)…\n')
  rmSync(folder, { recursive: true, force: true })
  const pip = [join(folder, 'bin', 'pip'), 'install', '--quiet', '--disable-pip-version-check']
  const [command, ...install] = pip
  const made =
    run(python, ['-m', 'venv', folder]) &&
    run(command, [...install, '-r', needs]) &&
    run(command, [...install, '--no-deps', '-r', client])
  if (!made) return 'The Python environment for aepp could not be made; see the messages above.'
  writeFileSync(stamp, wanted)
  return undefined
}

function installPsql() {
  if (canRun('psql')) return undefined
  if (process.getuid?.() === 0 && canRun('apt-get')) {
    process.stderr.write('Installing psql (once)…\n')
    if (run('apt-get', ['-qq', 'update']) && run('apt-get', ['-qq', '-y', 'install', 'postgresql-client']))
      return undefined
  }
  return 'psql is missing: the tests of the PostgreSQL protocol need it (Debian: apt-get install postgresql-client).'
}

function canRun(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
}

function run(command, args) {
  return spawnSync(command, args, { stdio: ['ignore', 2, 2] }).status === 0
}
