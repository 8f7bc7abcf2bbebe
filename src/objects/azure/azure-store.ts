import { randomUUID } from 'node:crypto'
import { type Clock, systemClock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import type { ObjectStore } from '../object-store.ts'
import { ask } from '../remote/ask.ts'
import { checkSmall, existsError } from '../remote/create-once.ts'
import { keysBelow } from '../remote/keys.ts'
import { type RemotePolicy, remotePolicy } from '../remote/policy.ts'
import type { AzureCredentials, AzureStoreConfig } from './azure-config.ts'
import { completeStaged } from './complete-staged.ts'
import type { Connection } from './connection.ts'
import { putOnce } from './create-once.ts'
import { azureFailures, failureOf, isMissing } from './failure.ts'
import { headBlob } from './head-blob.ts'
import { listBlobs, listPage } from './list-blobs.ts'
import { readBlob } from './read-blob.ts'
import { endpointOf, serviceOf } from './service.ts'
import { upload } from './upload.ts'

const forever = new AbortController().signal

export interface AzureStoreOptions {
  readonly credentials: AzureCredentials
  readonly policy?: RemotePolicy
  readonly clock?: Clock
  /** Gives up opening. */
  readonly signal?: AbortSignal | undefined
}

/**
 * A container of Azure Blob Storage, or the part of one below a prefix; Data Lake Storage by the same interface.
 *
 * Nothing is ever overwritten: every write is conditional, and bears a mark by which its writer knows it again when the
 * answer was lost. Bytes are checked by MD5 on both ways.
 *
 * Blocks that are no blob yet cannot be read back, so staged bytes are blobs of their own under a name that no listing
 * of ours shows; `complete` has the store copy them.
 */
export async function openAzureStore(
  config: AzureStoreConfig,
  options: AzureStoreOptions,
): Promise<ObjectStore> {
  const connection = await connect(config, options)
  const { container } = connection
  // Azure takes a backslash for a slash: the object would get another name.
  const keys = keysBelow(config.prefix, { pattern: /\\/, what: 'a backslash, which Azure takes for a slash' })
  await checkContainer(connection, options.signal ?? forever)
  if (connection.objectLock) await checkLock(connection, options.signal ?? forever)

  /** Removes the blob, if it is there. */
  async function remove(key: string, name: string, signal: AbortSignal): Promise<void> {
    try {
      await ask(
        connection,
        { name, signal },
        (abortSignal) => container.deleteBlob(key, { abortSignal }),
        isMissing,
      )
    } catch (error) {
      if (!isMissing(failureOf(error))) throw error
    }
  }

  return {
    location: connection.location,

    prepare: (name, owner) => {
      keys.of(name)
      return { name, owner, id: randomUUID() }
    },

    stage: async (token, bytes, { signal }) => {
      const { name, id: mark } = token
      const creation = { key: keys.ofStaged(token), name, mark, signal }
      const { staged, outcome } = await upload(connection, creation, bytes)
      if (outcome === 'exists') throw existsError(connection, name)
      return staged
    },

    complete: async (token, staged, { signal }) => {
      const stagedKey = keys.ofStaged(token)
      await completeStaged(connection, { token, staged, key: keys.of(token.name), stagedKey, signal })
      await remove(stagedKey, token.name, signal)
    },

    // Blocks of an upload that broke off are nowhere to be seen, and the store drops them after a week.
    abort: async (token, { signal = forever } = {}) => await remove(keys.ofStaged(token), token.name, signal),

    readStaged: async function* (token, { signal }) {
      const { name } = token
      yield* readBlob(connection, { key: keys.ofStaged(token), name, signal, isHashed: true })
    },

    putIfAbsent: async (name, bytes, { signal }) => {
      const key = keys.of(name)
      checkSmall(name, bytes)
      return await putOnce(connection, { key, name, mark: randomUUID(), signal }, bytes)
    },

    list: (prefix, { signal }) => listBlobs(connection, keys, { prefix, signal }),

    head: async (name, { signal }) => {
      const found = await headBlob(connection, { name, signal }, keys.of(name))
      return found && { name, bytes: found.bytes, modifiedAt: found.modifiedAt }
    },

    read: async function* (name, options) {
      yield* readBlob(connection, { key: keys.of(name), name, ...options })
    },

    delete: async (name, { signal = forever } = {}) => await remove(keys.of(name), name, signal),

    [Symbol.asyncDispose]: async () => {},
  }
}

async function connect(config: AzureStoreConfig, options: AzureStoreOptions): Promise<Connection> {
  const { credentials, policy = remotePolicy, clock = systemClock } = options
  const sdk = await import('@azure/storage-blob') // Not at start: most servers need no Azure.
  const { account, prefix } = config
  const { service, copySource } = serviceOf(sdk, endpointOf(config), { account, credentials, clock })
  return {
    container: service.getContainerClient(config.container),
    copySource,
    objectLock: config.objectLock,
    location: `az://${account}/${config.container}${prefix === '' ? '' : `/${prefix}`}`,
    policy,
    clock,
    failures: azureFailures,
  }
}

/** A wrong location or wrong credentials are told at once, not by the first write. */
async function checkContainer(connection: Connection, signal: AbortSignal): Promise<void> {
  await ask(connection, { name: '', signal }, async (abortSignal) => {
    // What a signature for the container alone may ask, too.
    await listPage(connection.container, { abortSignal, size: 1 })
  })
}

/** The store would take the blobs, and keep them from nobody. Who may not ask finds out by the first write. */
async function checkLock(connection: Connection, signal: AbortSignal): Promise<void> {
  const { container, location } = connection
  try {
    const found = await ask(
      connection,
      { name: '', signal },
      (abortSignal) => container.getProperties({ abortSignal }),
      ({ status }) => status === 403,
    )
    if (found.isImmutableStorageWithVersioningEnabled === true) return
  } catch (error) {
    if (failureOf(error)?.status === 403) return
    throw error
  }
  throw new AppError(
    'store.refused',
    `The container of ${location} was made without immutability of versions: nothing is locked there.`,
    { hint: 'Deliver without objectLock, or to a container that was made with it.' },
  )
}
