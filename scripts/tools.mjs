// Installs what the tests need beyond npm: Python environments, programs of the system, and servers of object stores. Plain JavaScript for Node 18.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { root } from './bootstrap.mjs'

/** Outside the repo, so that a fresh clone on the same machine finds it. */
export const toolsCache = process.env.SLUICE_TEST_CACHE ?? join(homedir(), '.cache', 'sluice-tests')

/** Servers built from their source: which module of Go, which version, and the checksum the source must have. */
const goServers = [
  {
    name: 'versitygw',
    what: 'the S3 server',
    module: 'github.com/versity/versitygw',
    package: '/cmd/versitygw',
    version: 'v1.8.0',
    sum: 'h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc=',
  },
  {
    name: 'fake-gcs-server',
    what: 'the Google Cloud Storage server',
    module: 'github.com/fsouza/fake-gcs-server',
    package: '',
    version: 'v1.56.1',
    sum: 'h1:K03sAvbLvDz4hAynpCCUqnNRp+ik9JFSvHbkD/wTPOU=',
  },
]

/** Those of the heavy campaigns alone: it takes ten minutes to build. */
const goServersForLong = [
  {
    name: 'minio',
    what: 'the S3 server for large objects',
    module: 'github.com/minio/minio',
    package: '',
    version: 'v0.0.0-20260212201848-7aac2a2c5b7c',
    sum: 'h1:/qdoYujxF5MBLDMVLeiYJ/7fBa1HikX39Dvzb9Ji8pA=',
  },
]

/** Programs of the system: as which Debian package they come, and which tests need them. */
const systemPrograms = [
  { program: 'java', flag: '-version', debian: 'openjdk-17-jre-headless', tests: 'the test with Spark' },
  {
    program: 'psql',
    flag: '--version',
    debian: 'postgresql-client',
    tests: 'the tests of the PostgreSQL protocol',
  },
  {
    // A library that unixODBC loads, and no program.
    program: '/usr/lib/x86_64-linux-gnu/odbc/psqlodbcw.so',
    debian: 'odbc-postgresql',
    tests: 'the test with ODBC',
  },
  {
    // It manages drivers, and theirs does not ask for it.
    program: '/usr/lib/x86_64-linux-gnu/libodbc.so.2',
    debian: 'libodbc2',
    tests: 'the test with ODBC',
  },
  { program: 'ssh-keygen', flag: '-?', debian: 'openssh-client', tests: 'the tests with SFTP' },
  { program: '/usr/sbin/sshd', flag: '-?', debian: 'openssh-server', tests: 'the tests with SFTP' },
  { program: 'rclone', flag: '--version', debian: 'rclone', tests: 'the tests that look at destinations' },
]

/** Spark's side of Iceberg, and Iceberg's of S3: fetched by Spark's own resolver, with the checksums they must have. */
const icebergForSpark = [
  {
    coordinates: 'org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.12.0',
    file: 'org.apache.iceberg_iceberg-spark-runtime-4.1_2.13-1.12.0.jar',
    sha256: '3123c3798af642dd537230923548e013ef41cc28b6626e5225808cf5670a0f82',
  },
  {
    coordinates: 'org.apache.iceberg:iceberg-aws-bundle:1.12.0',
    file: 'org.apache.iceberg_iceberg-aws-bundle-1.12.0.jar',
    sha256: 'dd7e49ffa4ac9b215bed846581991259e3aec9bb2fa08d6cec029c46cd66d957',
  },
]

/** PostgreSQL's JDBC driver, by the same resolver. */
const jdbcDriver = {
  coordinates: 'org.postgresql:postgresql:42.7.8',
  file: 'org.postgresql_postgresql-42.7.8.jar',
  sha256: '2a32a9dcbc42d67a50ad3a0de5efd102c8d2be46720045f2cbd6689f160ab7c7',
}

/** Returns one sentence for each tool that could not be had. */
export async function installTestTools({ isLong = false } = {}) {
  mkdirSync(toolsCache, { recursive: true })
  const programs = installSystemPrograms()
  const problems = await Promise.all([
    installPython('python', 'PyIceberg', [{ file: 'requirements.txt', flags: [] }]),
    installPython('sql-clients', "Python's PostgreSQL clients", [
      { file: 'sql-requirements.txt', flags: [] },
    ]),
    // DuckDB's extensions come in packages of the same version, signed by DuckDB, and nothing is fetched when they run.
    installPython('duckdb', "DuckDB's Iceberg extension", [{ file: 'duckdb-requirements.txt', flags: [] }]),
    // Of the client's requirements only those that its registry calls need: one of the others wants a C library.
    installPython('aepp', 'the client aepp', [
      { file: 'aepp-requirements.txt', flags: [] },
      { file: 'aepp.txt', flags: ['--no-deps'] },
    ]),
    installSpark(programs),
    programs.then((missing) => missing.join('\n') || undefined),
    ...[...goServers, ...(isLong ? goServersForLong : [])].map((server) => installGoServer(server)),
    installGoProgram('use-pgx', 'the test with pgx'),
    installAzurite(),
  ])
  return problems.filter((problem) => problem !== undefined)
}

/** Other programs that export, which the bench of exports compares with. Returns a sentence when they could not be had. */
export async function installPeers() {
  mkdirSync(toolsCache, { recursive: true })
  const lists = [{ file: '../../bench/peers-requirements.txt', flags: [] }]
  return await installPython('peers', 'chdb, dlt and rivet', lists)
}

/** @param lists files in the folder of the tests' Python programs */
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

async function installSpark(programs) {
  await programs // Java among them; that it is missing is said there.
  if (!canRun('java', '-version')) return undefined
  const problem = await installPython('spark', 'Spark', [{ file: 'spark-requirements.txt', flags: [] }])
  if (problem) return problem
  for (const jar of [...icebergForSpark, jdbcDriver]) {
    const missing = await fetchJar(jar)
    if (missing) return missing
  }
  return undefined
}

async function fetchJar({ coordinates, file, sha256 }) {
  const folder = join(toolsCache, 'spark-packages')
  const jar = join(folder, 'jars', file)
  if (!existsSync(jar)) {
    process.stderr.write(`Fetching ${coordinates} (once)…\n`)
    const programs = join(toolsCache, 'spark', 'bin')
    const conf = ['--conf', `spark.jars.ivy=${folder}`, '--conf', 'spark.ui.enabled=false']
    const program = join(root, 'test', 'python', 'nothing.py')
    const env = { ...process.env, SPARK_LOCAL_IP: '127.0.0.1', PATH: `${programs}:${process.env.PATH}` }
    const submit = [...conf, '--packages', coordinates, program]
    if (!(await run(join(programs, 'spark-submit'), submit, { env })) || !existsSync(jar))
      return `${coordinates} could not be had; see the messages above.`
  }
  const found = createHash('sha256').update(readFileSync(jar)).digest('hex')
  if (found === sha256) return undefined
  rmSync(jar, { force: true })
  return `${file} has the checksum ${found}, not ${sha256}.`
}

/** In one call: the package manager lets nobody else in meanwhile. Returns a sentence for each that is missing. */
async function installSystemPrograms() {
  const missing = () => systemPrograms.filter(({ program, flag }) => !isThere(program, flag))
  if (missing().length > 0 && process.getuid?.() === 0 && canRun('apt-get')) {
    const wanted = missing().map(({ debian }) => debian)
    process.stderr.write(`Installing ${wanted.join(', ')} (once)…\n`)
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const install = ['-qq', '-y', '--no-install-recommends', 'install', ...wanted]
    if (await run('apt-get', ['-qq', 'update'], { env })) await run('apt-get', install, { env })
  }
  return missing().map(
    ({ program, debian, tests }) =>
      `${program} is missing: ${tests} need it (Debian: apt-get install ${debian}).`,
  )
}

function goCommand() {
  return ['go', '/usr/local/go/bin/go'].find((command) => canRun(command, 'version'))
}

/** Built from its source, whose checksum is pinned here; what it needs in turn is pinned by its own module file. */
async function installGoServer({ name, what, module, package: path, version, sum }) {
  const program = join(toolsCache, `${name}-${version}`)
  if (existsSync(program)) return undefined
  const go = goCommand()
  if (!go) return `Go is missing: ${what} of the tests is built with it (https://go.dev/dl).`
  process.stderr.write(`Building ${what} of the tests (once)…\n`)
  const folder = mkdtempSync(join(toolsCache, 'go-'))
  try {
    const env = { ...process.env, GOBIN: folder, GOTOOLCHAIN: 'local', GOFLAGS: '', CGO_ENABLED: '0' }
    const found = sumOf(go, `${module}@${version}`, { cwd: folder, env })
    if (found !== sum) return `The source of ${module} ${version} has the checksum ${found}, not ${sum}.`
    const flags = ['-trimpath', '-ldflags=-s -w']
    const target = `${module}${path}@${version}`
    if (!(await run(go, ['install', ...flags, target], { cwd: folder, env })))
      return `${what} of the tests could not be built; see the messages above.`
    renameSync(join(folder, name), program)
    return undefined
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** One of the tests' own, everything it needs pinned by the files beside it. */
async function installGoProgram(name, tests) {
  const from = join(root, 'test', 'go', name)
  const folder = join(toolsCache, name)
  const stamp = join(folder, '.source')
  const hash = createHash('sha256')
  for (const file of ['go.mod', 'go.sum', 'main.go']) hash.update(readFileSync(join(from, file)))
  const wanted = hash.digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return undefined
  const go = goCommand()
  if (!go) return `Go is missing: ${tests} is built with it (https://go.dev/dl).`
  process.stderr.write(`Building ${tests} (once)…\n`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const env = { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly', CGO_ENABLED: '0' }
  const build = ['build', '-trimpath', '-ldflags=-s -w', '-o', join(folder, name), '.']
  if (!(await run(go, build, { cwd: from, env })))
    return `${tests} could not be built; see the messages above.`
  writeFileSync(stamp, wanted)
  return undefined
}

/** The Azure server of the tests, everything in it pinned by the lock file beside its package file. */
async function installAzurite() {
  const files = ['package.json', 'package-lock.json']
  const from = join(root, 'test', 'servers', 'azurite')
  const folder = join(toolsCache, 'azurite')
  const stamp = join(folder, '.lock')
  const wanted = createHash('sha256')
    .update(readFileSync(join(from, files[1])))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return undefined
  process.stderr.write('Installing the Azure server of the tests (once)…\n')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const file of files) copyFileSync(join(from, file), join(folder, file))
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  if (!(await run('npm', ['ci', ...flags], { cwd: folder })))
    return 'The Azure server of the tests could not be installed; see the messages above.'
  writeFileSync(stamp, wanted)
  return undefined
}

function sumOf(go, target, options) {
  try {
    return JSON.parse(execFileSync(go, ['mod', 'download', '-json', target], options)).Sum
  } catch {
    return 'that could not be had'
  }
}

/** Some programs have no way to be asked that ends well: then it is enough that they begin. */
function isThere(program, flag) {
  if (flag === undefined) return existsSync(program)
  return spawnSync(program, [flag], { stdio: 'ignore' }).error === undefined
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
