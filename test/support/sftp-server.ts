import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { startServerProcess } from './server-process.ts'

const sshd = '/usr/sbin/sshd'

/** False where they are not installed: the tests that need them are skipped for all to see. */
export const hasOpenSsh = [sshd, 'ssh-keygen', 'sftp'].every((program) => isThere(program))
export const hasRclone = isThere('rclone')

function isThere(program: string): boolean {
  return spawnSync(program, ['-?'], { stdio: 'ignore' }).error === undefined
}

export interface SftpServer extends AsyncDisposable {
  readonly port: number
  readonly username: string
  /** Of the server, as `ssh-keygen -l` shows it. */
  readonly hostKey: string
  /** A private key that may log in, in OpenSSH's form. */
  readonly privateKey: string
  readonly keyFile: string
  /** A new, empty folder: as the server calls it, and where it is on this machine. */
  makeFolder(): { readonly path: string; readonly local: string }
}

/** OpenSSH's own server on loopback, for whoever runs the tests, by key. */
export async function startOpenSsh(): Promise<SftpServer> {
  await using starting = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'sluice-sshd-'))
  starting.defer(() => rm(folder, { recursive: true, force: true }))
  // As root it keeps an empty folder for children without rights.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const [hostFile, keyFile] = [makeKey(folder, 'host'), makeKey(folder, 'user')]
  const server = starting.use(
    await startServerProcess({
      program: sshd,
      args: (port) => ['-D', '-e', '-f', '/dev/null', ...options({ port, folder, hostFile })],
      cwd: folder,
    }),
  )
  const started = starting.move()
  return {
    port: server.port,
    username: userInfo().username,
    hostKey: fingerprintOf(hostFile),
    privateKey: readFileSync(keyFile, 'utf8'),
    keyFile,
    makeFolder: () => {
      const local = join(folder, randomBytes(6).toString('hex'))
      return { path: local, local }
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

function options({ port, folder, hostFile }: { port: number; folder: string; hostFile: string }): string[] {
  const settings = {
    Port: String(port),
    ListenAddress: '127.0.0.1',
    HostKey: hostFile,
    PidFile: join(folder, 'pid'),
    AuthorizedKeysFile: join(folder, 'user.pub'),
    StrictModes: 'no',
    UsePAM: 'no',
    PasswordAuthentication: 'no',
    PermitRootLogin: 'yes',
    MaxStartups: '100',
    LogLevel: 'ERROR',
    Subsystem: 'sftp internal-sftp',
  }
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
}

export interface PasswordServer extends AsyncDisposable {
  readonly port: number
  readonly username: string
  readonly password: string
  makeFolder(): { readonly path: string; readonly local: string }
}

/** Another make of server, by password: rclone's. Its files are below a folder of its own. */
export async function startRcloneSftp(): Promise<PasswordServer> {
  await using starting = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'sluice-rclone-'))
  starting.defer(() => rm(folder, { recursive: true, force: true }))
  const served = join(folder, 'served')
  mkdirSync(served)
  await writeFile(join(folder, 'rclone.conf'), '')
  const hostFile = makeKey(folder, 'host')
  const [username, password] = ['somebody', randomBytes(12).toString('hex')]
  const server = starting.use(
    await startServerProcess({
      program: 'rclone',
      args: (port) => [
        'serve',
        'sftp',
        served,
        `--config=${join(folder, 'rclone.conf')}`,
        `--key=${hostFile}`,
        `--addr=127.0.0.1:${port}`,
        `--user=${username}`,
        `--pass=${password}`,
        // Writing at a place of a file needs its cache.
        '--vfs-cache-mode=writes',
        `--cache-dir=${join(folder, 'cache')}`,
        '--dir-cache-time=0',
        '--vfs-write-back=0',
      ],
      cwd: folder,
    }),
  )
  const started = starting.move()
  return {
    port: server.port,
    username,
    password,
    makeFolder: () => {
      const name = randomBytes(6).toString('hex')
      return { path: `/${name}`, local: join(served, name) }
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

function makeKey(folder: string, name: string): string {
  const file = join(folder, name)
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file], { stdio: 'ignore' })
  return file
}

function fingerprintOf(file: string): string {
  return execFileSync('ssh-keygen', ['-l', '-f', file]).toString().split(' ')[1] ?? ''
}
