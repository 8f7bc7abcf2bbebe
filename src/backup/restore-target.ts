import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { unprivilegedIds } from '#base/run-as.ts'
import { claimLake, type LakeOwner } from '#lake/claim-lake.ts'
import { namesIn } from '#objects/names-in.ts'
import { openRemoteStore, type StoreCredentials } from '#objects/open-store.ts'
import { remoteStoreOf } from '#objects/remote-location.ts'
import type { RemoteStore } from '#objects/remote-store.ts'
import { copyHashed, type Hashed } from './copy-file.ts'
import { type BackupFile, corrupt } from './manifest.ts'

/** Where the files of a backed-up lake go. Names are below the lake. */
export interface RestoreTarget extends AsyncDisposable {
  /** For people. */
  readonly place: string
  isEmpty(): Promise<boolean>
  /** Copies a file of the backup, durable when this returns; tells what was read on the way. */
  put(from: string, name: string, signal: AbortSignal): Promise<Hashed>
  /** Sees that all that was put is there and nothing else is, and makes the place the home's. */
  finish(files: readonly Pick<BackupFile, 'name' | 'bytes'>[], owner: LakeOwner): Promise<void>
  /** Takes away what was put. */
  clear(names: readonly string[]): Promise<void>
}

/** A lake elsewhere, and how it is reached. */
export interface RemoteLake {
  /** `s3://bucket/prefix` */
  readonly location: string
  readonly server: { readonly region: string; readonly endpoint?: string | undefined }
  readonly credentials: StoreCredentials
}

const readBytes = 1024 * 1024
const forever = new AbortController().signal

/** @throws AppError 'config.invalid', 'store.refused', 'store.unreachable' */
export async function openRestoreTarget(
  folder: string,
  remote: RemoteLake | undefined,
): Promise<RestoreTarget> {
  if (!remote) return localTarget(folder)
  return remoteTarget(
    await openRemoteStore(remoteStoreOf(remote.location, remote.server), remote.credentials),
  )
}

function localTarget(folder: string): RestoreTarget {
  return {
    place: folder,
    isEmpty: async () => (await namesIn(folder)).length === 0,
    put: async (from, name, signal) =>
      // What the engine's children read and write is theirs.
      await copyHashed(from, join(folder, name), { signal, mode: 0o644, ids: unprivilegedIds() }),
    finish: async () => {},
    clear: async () => {
      // Its contents: the folder itself may be a mount.
      for (const name of await namesIn(folder)) await rm(join(folder, name), { recursive: true, force: true })
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

function remoteTarget(store: RemoteStore): RestoreTarget {
  return {
    place: store.location,
    isEmpty: async () => {
      for await (const _object of store.list('', { signal: forever })) return false
      return true
    },
    put: async (from, name, signal) => {
      const bytes = createReadStream(from, { highWaterMark: readBytes })
      return await store.create(name, bytes, { signal })
    },
    finish: async (files, owner) => {
      const missing = new Map(files.map(({ name, bytes }) => [name, bytes]))
      for await (const { name, bytes } of store.list('', { signal: forever })) {
        if (missing.get(name) !== bytes)
          throw corrupt(name, `is not what the backup has at ${store.location}`)
        missing.delete(name)
      }
      for (const name of missing.keys()) throw corrupt(name, `did not come to ${store.location}`)
      await claimLake(store, owner)
    },
    clear: async (names) => {
      for (const name of names) await store.delete(name)
    },
    [Symbol.asyncDispose]: async () => await store[Symbol.asyncDispose](),
  }
}
