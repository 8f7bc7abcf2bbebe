import type { Dirent } from 'node:fs'
import { lstat, opendir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isAbsent } from '#base/system-error.ts'
import type { FolderEntry, ListOptions } from '../folder-store.ts'
import type { ObjectSummary } from '../object-store.ts'
import { asStore } from './failure.ts'
import { isStagingName } from '../staging-name.ts'

/**
 * Files below the folder in the order of their whole names, as UTF-8 bytes compare. Links and special files are
 * nobody's objects; what disappears meanwhile is left out.
 */
export async function* listFolder(
  root: string,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<ObjectSummary> {
  for await (const entry of listFolderBehind(root, prefix, { after: '', isShallow: false, signal })) {
    if (!('isFolder' in entry)) yield entry
  }
}

/** As `FolderStore.listBehind` has it. */
export async function* listFolderBehind(
  root: string,
  prefix: string,
  { after, isShallow, signal }: ListOptions,
): AsyncGenerator<FolderEntry> {
  yield* walk({ root, prefix, after: Buffer.from(after), isShallow, signal }, '')
}

interface Walk extends Omit<ListOptions, 'after'> {
  readonly root: string
  readonly prefix: string
  readonly after: Buffer
}

async function* walk(asked: Walk, folder: string): AsyncGenerator<FolderEntry> {
  const { root, prefix, after, isShallow, signal } = asked
  signal.throwIfAborted()
  const entries = await unlessGone(() => readdir(join(root, folder), { withFileTypes: true }))
  const places = (entries ?? [])
    .filter((entry) => entry.isDirectory() || isObject(entry))
    .map((entry) => ({
      // With its slash a folder sorts where its objects' names do: "a-b" before "a/b" before "a0".
      name: `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`,
      isFolder: entry.isDirectory(),
    }))
    .filter(({ name, isFolder }) => name.startsWith(prefix) || (isFolder && prefix.startsWith(name)))
    .map((place) => ({ ...place, key: Buffer.from(place.name) }))
    .filter(({ key, isFolder }) => (isFolder ? mayHoldBehind(key, after) : Buffer.compare(key, after) > 0))
    .sort((left, right) => Buffer.compare(left.key, right.key))
  for (const { name, key, isFolder } of places) {
    signal.throwIfAborted()
    if (!isFolder) {
      const stats = await unlessGone(() => lstat(join(root, name)))
      if (stats?.isFile()) yield { name, bytes: stats.size, modifiedAt: stats.mtime }
    } else if (!isShallow || !name.startsWith(prefix) || name === prefix) {
      yield* walk(asked, name)
    } else if (!key.equals(after) && (await holdsBehind(asked, name, key))) {
      yield { name, isFolder: true }
    }
  }
}

function isObject(entry: Dirent): boolean {
  return entry.isFile() && !isStagingName(entry.name)
}

/** Whether names that begin with a folder's can come behind `after`. */
function mayHoldBehind(folder: Buffer, after: Buffer): boolean {
  return Buffer.compare(folder, after.subarray(0, folder.length)) >= 0
}

async function holdsBehind(asked: Walk, folder: string, key: Buffer): Promise<boolean> {
  const { root, after, signal } = asked
  if (!after.subarray(0, key.length).equals(key)) return await holdsObject(root, folder, signal)
  for await (const _first of walk({ ...asked, prefix: folder, isShallow: false }, folder)) return true
  return false
}

/** Whether there is one at all, at any depth: the first that is met is enough. */
async function holdsObject(root: string, folder: string, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted()
  const folders: string[] = []
  const isMet = await unlessGone(async () => {
    for await (const entry of await opendir(join(root, folder))) {
      if (isObject(entry)) return true
      if (entry.isDirectory()) folders.push(`${folder}${entry.name}/`)
    }
    return false
  })
  if (isMet === true) return true
  for (const inner of folders) if (await holdsObject(root, inner, signal)) return true
  return false
}

async function unlessGone<T>(look: () => Promise<T>): Promise<T | undefined> {
  return await asStore(async () => {
    try {
      return await look()
    } catch (error) {
      if (isAbsent(error)) return undefined
      throw error
    }
  })
}
