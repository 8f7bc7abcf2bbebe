import { randomUUID } from 'node:crypto'
import { AppError } from '#base/errors.ts'
import { objectNameParts } from '../object-name.ts'
import type { RemoteStore } from '../remote-store.ts'
import { ask } from '../remote/ask.ts'
import { checkSmall, existsError } from '../remote/create-once.ts'
import { keysBelow } from '../remote/keys.ts'
import { completeStaged } from './complete-staged.ts'
import { connect, type S3StoreOptions } from './connect.ts'
import type { Connection } from './connection.ts'
import { failureOf } from './failure.ts'
import { headObject } from './head-object.ts'
import { listBehind } from './list-behind.ts'
import { listObjects } from './list-objects.ts'
import { abortUploadsOf, sweepUploads } from './multipart.ts'
import { putOnce } from './put-object.ts'
import { readObject } from './read-object.ts'
import { removeObject } from './remove-object.ts'
import { removeOlder } from './remove-older.ts'
import type { S3StoreConfig } from './s3-config.ts'
import { upload } from './upload.ts'

const forever = new AbortController().signal

/**
 * A bucket of Amazon S3, or of a server that speaks as it does, or the part of one below a prefix.
 *
 * Nothing is ever overwritten: every write is conditional, and bears a mark by which its writer knows it again when the
 * answer was lost. Bytes are checked by CRC-32 on both ways, by the store as it takes them and by us as we read.
 *
 * An upload that is not completed cannot be read back, so staged bytes are objects of their own under a name that no
 * listing of ours shows; `complete` has the store copy them.
 */
export async function openS3Store(config: S3StoreConfig, options: S3StoreOptions = {}): Promise<RemoteStore> {
  const connection = await connect(config, options)
  const keys = keysBelow(config.prefix)
  await checkBucket(connection, options.signal ?? forever)

  return {
    location: connection.location,

    prepare: (name, owner) => {
      objectNameParts(name)
      return { name, owner, id: randomUUID() }
    },

    stage: async (token, bytes, { signal }) => {
      keys.of(token.name)
      const { name, id: mark } = token
      const { staged, outcome } = await upload(connection, {
        key: keys.ofStaged(token),
        name,
        mark,
        bytes,
        signal,
      })
      if (outcome === 'exists') throw existsError(connection, name)
      return staged
    },

    complete: async (token, staged, { signal }) => {
      const stagedKey = keys.ofStaged(token)
      await completeStaged(connection, { token, staged, key: keys.of(token.name), stagedKey, signal })
      await removeObject(connection, { key: stagedKey, name: token.name, signal })
    },

    abort: async (token, { signal = forever } = {}) => {
      const key = keys.ofStaged(token)
      await abortUploadsOf(connection, { key, name: token.name, signal })
      await removeObject(connection, { key, name: token.name, signal })
    },

    readStaged: async function* (token, { signal }) {
      yield* readObject(connection, { key: keys.ofStaged(token), name: token.name, signal })
    },

    putIfAbsent: async (name, bytes, { signal }) => {
      const key = keys.of(name)
      checkSmall(name, bytes)
      return await putOnce(connection, { key, name, mark: randomUUID(), bytes, signal })
    },

    create: async (name, bytes, { signal }) => {
      const request = { key: keys.of(name), name, mark: randomUUID(), bytes, signal }
      const { staged, outcome } = await upload(connection, request)
      if (outcome === 'exists') throw existsError(connection, name)
      return staged
    },

    list: (prefix, { signal }) => listObjects(connection, keys, { prefix, signal }),

    listBehind: (prefix, options) => listBehind(connection, keys, { prefix, ...options }),

    head: async (name, { signal }) => {
      const found = await headObject(connection, { name, signal }, keys.of(name))
      return found && { name, bytes: found.bytes, modifiedAt: found.modifiedAt }
    },

    read: async function* (name, options) {
      yield* readObject(connection, { key: keys.of(name), name, ...options })
    },

    delete: async (name, { signal = forever } = {}) =>
      await removeObject(connection, { key: keys.of(name), name, signal }),

    sweepUnfinished: async (options) => await sweepUploads(connection, keys, options),

    removeOlder: async (folder, options) => await removeOlder(connection, `${keys.of(folder)}/`, options),

    [Symbol.asyncDispose]: async () => connection.client.destroy(),
  }
}

/** A wrong location or wrong credentials are told at once, not by the first write. */
async function checkBucket(connection: Connection, signal: AbortSignal): Promise<void> {
  const { sdk, client, bucket } = connection
  const command = new sdk.HeadBucketCommand({ Bucket: bucket })
  try {
    await ask(connection, { name: '', signal }, (abortSignal) => client.send(command, { abortSignal }))
    if (connection.objectLock) await checkLock(connection, signal)
  } catch (error) {
    client.destroy()
    throw error
  }
}

/** There are servers that take a lock for a bucket without one, and lock nothing. */
async function checkLock(connection: Connection, signal: AbortSignal): Promise<void> {
  const { sdk, client, bucket, location } = connection
  const command = new sdk.GetObjectLockConfigurationCommand({ Bucket: bucket })
  const isMissing = ({ code }: { readonly code: string }) =>
    code.startsWith('ObjectLockConfigurationNotFound')
  try {
    const { ObjectLockConfiguration: lock } = await ask(
      connection,
      { name: '', signal },
      (abortSignal) => client.send(command, { abortSignal }),
      isMissing,
    )
    if (lock?.ObjectLockEnabled === 'Enabled') return
  } catch (error) {
    const failure = failureOf(error)
    if (!failure || !isMissing(failure)) throw error
  }
  throw new AppError('store.refused', `The bucket of ${location} was made without object lock.`, {
    hint: 'Make a bucket with object lock, or ask for none on the target connection.',
  })
}
