import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isAbsent } from '#base/system-error.ts'
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
  yield* walk(root, '', prefix, signal)
}

async function* walk(
  root: string,
  folder: string,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<ObjectSummary> {
  signal.throwIfAborted()
  const entries = await unlessGone(() => readdir(join(root, folder), { withFileTypes: true }))
  const places = (entries ?? [])
    .filter((entry) => entry.isDirectory() || (entry.isFile() && !isStagingName(entry.name)))
    .map((entry) => ({
      // With its slash a folder sorts where its objects' names do: "a-b" before "a/b" before "a0".
      name: `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`,
      isFolder: entry.isDirectory(),
    }))
    .filter(({ name, isFolder }) => name.startsWith(prefix) || (isFolder && prefix.startsWith(name)))
    .map((place) => ({ ...place, key: Buffer.from(place.name) }))
    .sort((left, right) => Buffer.compare(left.key, right.key))
  for (const { name, isFolder } of places) {
    signal.throwIfAborted()
    if (isFolder) {
      yield* walk(root, name, prefix, signal)
      continue
    }
    const stats = await unlessGone(() => lstat(join(root, name)))
    if (stats?.isFile()) yield { name, bytes: stats.size, modifiedAt: stats.mtime }
  }
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
