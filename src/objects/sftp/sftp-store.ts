import { createHash, randomUUID } from 'node:crypto'
import { type Clock, systemClock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { objectNameParts } from '../object-name.ts'
import type { ObjectStore, Staged, StageToken } from '../object-store.ts'
import { checkSmall, existsError, missing } from '../remote/create-once.ts'
import { type RemotePolicy, remotePolicy } from '../remote/policy.ts'
import { isStagingName, stagingName } from '../staging-name.ts'
import { type Connection, connectSftp } from './connection.ts'
import { failureOf, isMissing, sftpFailures } from './failure.ts'
import { listFolder } from './list-folder.ts'
import { placeFile } from './place-file.ts'
import { readFile } from './read-file.ts'
import { lookAt, makeFolder, realPath, unlinkIfThere } from './requests.ts'
import type { SftpCredentials, SftpStoreConfig } from './sftp-config.ts'
import { writeFile } from './write-file.ts'

const forever = new AbortController().signal

export interface SftpStoreOptions {
  readonly credentials: SftpCredentials
  /** Told the server's key when the configuration has none: whoever keeps the configuration pins it. */
  readonly onHostKey?: ((fingerprint: string) => void) | undefined
  /** Makes nothing, not even the folder. */
  readonly isReadOnly?: boolean
  /** Gives up opening. */
  readonly signal?: AbortSignal | undefined
  readonly policy?: RemotePolicy
  readonly clock?: Clock
}

/**
 * A folder of an SFTP server. Staged bytes lie beside their final place under a name that begins with a dot, on the
 * server's disk where it lets itself be told so; `complete` renames. Lost connections are made anew, and what was under
 * way goes on.
 */
export async function openSftpStore(
  config: SftpStoreConfig,
  options: SftpStoreOptions,
): Promise<ObjectStore> {
  const { credentials, onHostKey, policy = remotePolicy, clock = systemClock } = options
  const location = locationOf(config)
  const remote = { location, policy, clock, failures: sftpFailures }
  const connection = connectSftp(config, { remote, credentials, onHostKey })
  const root = await rootOf(connection, config.folder, options).catch((error: unknown) => {
    connection.drop()
    throw error
  })

  function pathOf(name: string): string {
    if (objectNameParts(name).some(isStagingName)) {
      throw new AppError('request.invalid', `${JSON.stringify(name)} is kept for files under way.`)
    }
    return `${root}/${name}`
  }

  function stagingPathOf(token: StageToken): string {
    const path = pathOf(token.name)
    const cut = path.lastIndexOf('/') + 1
    return `${path.slice(0, cut)}${stagingName(path.slice(cut), token)}`
  }

  async function remove(path: string, name: string, signal: AbortSignal): Promise<void> {
    await connection.ask({ name, signal }, (sftp) => unlinkIfThere(sftp, path))
  }

  async function sizeOf(path: string, name: string, signal: AbortSignal): Promise<number | undefined> {
    const stats = await connection.ask({ name, signal }, (sftp) => lookAt(sftp, path))
    return stats?.isFile() ? stats.size : undefined
  }

  async function holds(path: string, name: string, staged: Staged, signal: AbortSignal): Promise<boolean> {
    if ((await sizeOf(path, name, signal)) !== staged.bytes) return false
    const hash = createHash('sha256')
    for await (const chunk of readFile(connection, { path, name, signal })) hash.update(chunk)
    return hash.digest('hex') === staged.sha256
  }

  return {
    location,

    prepare: (name, owner) => {
      objectNameParts(name)
      return { name, owner, id: randomUUID() }
    },

    stage: async (token, bytes, { signal }) =>
      await writeFile(connection, { path: stagingPathOf(token), name: token.name, bytes, signal }),

    complete: async (token, staged, { signal }) => {
      signal.throwIfAborted()
      const { name } = token
      const [from, to] = [stagingPathOf(token), pathOf(name)]
      if ((await sizeOf(from, name, signal)) === staged.bytes) {
        if ((await placeFile(connection, { name, signal }, { from, to })) === 'created') return
      }
      // Taken, or nothing staged: right only if an earlier call did the work and its answer was lost.
      if ((await sizeOf(to, name, signal)) === undefined) throw missing(connection, name)
      if (!(await holds(to, name, staged, signal))) throw existsError(connection, name)
      await remove(from, name, signal)
    },

    abort: async (token, { signal = forever } = {}) => await remove(stagingPathOf(token), token.name, signal),

    readStaged: async function* (token, { signal }) {
      yield* readFile(connection, { path: stagingPathOf(token), name: token.name, signal })
    },

    putIfAbsent: async (name, bytes, { signal }) => {
      const to = pathOf(name)
      checkSmall(name, bytes)
      if (await connection.ask({ name, signal }, (sftp) => lookAt(sftp, to))) return 'exists'
      const from = stagingPathOf({ name, owner: '', id: randomUUID() })
      await writeFile(connection, { path: from, name, bytes: one(bytes), signal })
      const outcome = await placeFile(connection, { name, signal }, { from, to })
      if (outcome === 'exists') await remove(from, name, signal)
      return outcome
    },

    list: (prefix, { signal }) => listFolder(connection, root, { prefix, signal }),

    head: async (name, { signal }) => {
      const path = pathOf(name)
      const stats = await connection.ask({ name, signal }, (sftp) => lookAt(sftp, path))
      return stats?.isFile()
        ? { name, bytes: stats.size, modifiedAt: new Date(stats.mtime * 1000) }
        : undefined
    },

    read: async function* (name, options_) {
      yield* readFile(connection, { path: pathOf(name), name, ...options_ })
    },

    delete: async (name, { signal = forever } = {}) => await remove(pathOf(name), name, signal),

    [Symbol.asyncDispose]: async () => connection.drop(),
  }
}

/** `sftp://user@host:port/folder`; a folder below the user's own begins with `/~/`. */
function locationOf({ host, port, username, folder }: SftpStoreConfig): string {
  const at = `${encodeURIComponent(username)}@${host.includes(':') ? `[${host}]` : host}`
  const path = folder.startsWith('/') ? folder : `/~/${folder}`
  const tidy = path.replaceAll(/\/(?:\.?\/)+/g, '/').replace(/\/\.?$/, '')
  return `sftp://${at}${port === 22 ? '' : `:${port}`}${tidy.split('/').map(encodeURIComponent).join('/')}`
}

/** The folder as the server calls it, made when it is missing. A wrong login is told at once, not by the first write. */
async function rootOf(
  connection: Connection,
  folder: string,
  { isReadOnly = false, signal = forever }: Pick<SftpStoreOptions, 'isReadOnly' | 'signal'>,
): Promise<string> {
  const asking = { name: '', signal }
  const wanted = folder === '' ? '.' : folder
  const path = await connection.ask(asking, async (sftp) => {
    if (wanted.startsWith('/')) return wanted
    const home = await realPath(sftp, '.')
    return `${home}/${wanted}`
  })
  const tidy = path.replaceAll(/\/(?:\.?\/)+/g, '/').replace(/\/\.?$/, '')
  await connection.ask(asking, async (sftp) => {
    if (!isReadOnly) await makeFolder(sftp, tidy)
    const stats = await lookAt(sftp, `${tidy}/`).catch((error: unknown) => {
      if (isMissing(failureOf(error))) return undefined
      throw error
    })
    if (stats?.isDirectory() ?? false) return
    throw new AppError(
      'store.refused',
      `There is no folder at ${connection.location}, or a file in its place.`,
    )
  })
  return tidy
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes
}
