import { createHash, randomUUID } from 'node:crypto'
import { type Clock, systemClock } from '#base/clock.ts'
import { objectNameParts } from '../object-name.ts'
import type { ObjectStore, StageToken } from '../object-store.ts'
import { checkSmall, existsError } from '../remote/create-once.ts'
import { keysBelow } from '../remote/keys.ts'
import { type RemotePolicy, remotePolicy } from '../remote/policy.ts'
import { completeStaged } from './complete-staged.ts'
import { connectGcs } from './connection.ts'
import type { GcsCredentials, GcsStoreConfig } from './gcs-config.ts'
import { headObject, objectsBelow, putOnce, removeObject } from './objects.ts'
import { readObject } from './read-object.ts'
import { serviceAccount } from './service-account.ts'
import { upload } from './upload.ts'

const forever = new AbortController().signal

export interface GcsStoreOptions {
  readonly credentials: GcsCredentials
  readonly policy?: RemotePolicy
  readonly clock?: Clock
  /** Gives up opening. */
  readonly signal?: AbortSignal | undefined
}

/**
 * A bucket of Google Cloud Storage, or the part of one below a prefix, by the JSON interface.
 *
 * Nothing is ever overwritten: every write is conditional, and bears a mark by which its writer knows it again when the
 * answer was lost. Bytes are checked by MD5 as they are sent, and by CRC-32C as they are read. Staged bytes are objects
 * of their own under names that no listing of ours shows; `complete` has the store copy them.
 */
export async function openGcsStore(config: GcsStoreConfig, options: GcsStoreOptions): Promise<ObjectStore> {
  const { credentials, policy = remotePolicy, clock = systemClock, signal = forever } = options
  const token = serviceAccount(credentials.serviceAccountKey)
  const connection = connectGcs(config, { token, policy, clock })
  const keys = keysBelow(config.prefix)
  // A wrong location or wrong credentials are told at once, not by the first write.
  for await (const _ of objectsBelow(connection, { name: '', signal }, `${config.prefix}/`)) break

  const partKeyOf = (stage: StageToken) => (number: number) => `${keys.ofStaged(stage)}-${number}`

  return {
    location: connection.location,

    prepare: (name, owner) => {
      objectNameParts(name)
      return { name, owner, id: randomUUID() }
    },

    stage: async (stage, bytes, { signal }) => {
      keys.of(stage.name)
      const { name, id: mark } = stage
      const creation = { key: keys.ofStaged(stage), name, mark, signal }
      const { staged, outcome } = await upload(connection, creation, { bytes, partKey: partKeyOf(stage) })
      if (outcome === 'exists') throw existsError(connection, name)
      return staged
    },

    complete: async (stage, staged, { signal }) => {
      const stagedKey = keys.ofStaged(stage)
      await completeStaged(connection, { token: stage, staged, key: keys.of(stage.name), stagedKey, signal })
      await removeObject(connection, { name: stage.name, signal }, stagedKey)
    },

    // The parts of one that broke off, too.
    abort: async (stage, { signal: given = forever } = {}) => {
      const asking = { name: stage.name, signal: given }
      for await (const { name: key } of objectsBelow(connection, asking, keys.ofStaged(stage)))
        await removeObject(connection, asking, key)
    },

    readStaged: async function* (stage, { signal }) {
      const { name } = stage
      yield* readObject(connection, { key: keys.ofStaged(stage), name, signal, isHashed: true })
    },

    putIfAbsent: async (name, bytes, { signal }) => {
      const key = keys.of(name)
      checkSmall(name, bytes)
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      return await putOnce(connection, { key, name, mark: randomUUID(), signal }, { bytes, sha256 })
    },

    list: async function* (prefix, { signal }) {
      const keyPrefix = keys.prefix(prefix)
      if (keyPrefix === undefined) return
      for await (const { name: key, size, updated } of objectsBelow(
        connection,
        { name: prefix, signal },
        keyPrefix,
      )) {
        const name = keys.name(key)
        if (name !== undefined && name.startsWith(prefix)) yield { name, bytes: size, modifiedAt: updated }
      }
    },

    head: async (name, { signal }) => {
      const found = await headObject(connection, { name, signal }, keys.of(name))
      return found && { name, bytes: found.bytes, modifiedAt: found.modifiedAt }
    },

    read: async function* (name, range) {
      yield* readObject(connection, { key: keys.of(name), name, ...range })
    },

    delete: async (name, { signal: given = forever } = {}) =>
      await removeObject(connection, { name, signal: given }, keys.of(name)),

    [Symbol.asyncDispose]: async () => connection[Symbol.dispose](),
  }
}
