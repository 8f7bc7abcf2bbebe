import type { ObjectSummary } from '../object-store.ts'
import { isStagingName } from '../staging-name.ts'
import type { Connection } from './connection.ts'
import { entriesOf } from './requests.ts'

/**
 * Files below the folder in the order of their whole names, as UTF-8 bytes compare. Links and special files are
 * nobody's objects.
 */
export async function* listFolder(
  connection: Connection,
  root: string,
  { prefix, signal }: { readonly prefix: string; readonly signal: AbortSignal },
): AsyncGenerator<ObjectSummary> {
  yield* walk(connection, root, { folder: '', prefix, signal })
}

async function* walk(
  connection: Connection,
  root: string,
  at: { readonly folder: string; readonly prefix: string; readonly signal: AbortSignal },
): AsyncGenerator<ObjectSummary> {
  const { folder, prefix, signal } = at
  const entries = await connection.ask({ name: folder, signal }, (sftp) =>
    entriesOf(sftp, `${root}/${folder}`),
  )
  const places = entries
    .filter(({ filename }) => filename !== '.' && filename !== '..')
    .filter(({ filename, attrs }) => attrs.isDirectory() || (attrs.isFile() && !isStagingName(filename)))
    .map(({ filename, attrs }) => ({
      // With its slash a folder sorts where its objects' names do: "a-b" before "a/b" before "a0".
      name: `${folder}${filename}${attrs.isDirectory() ? '/' : ''}`,
      attrs,
    }))
    .filter(({ name, attrs }) => name.startsWith(prefix) || (attrs.isDirectory() && prefix.startsWith(name)))
    .map((place) => ({ ...place, key: Buffer.from(place.name) }))
    .sort((left, right) => Buffer.compare(left.key, right.key))
  for (const { name, attrs } of places) {
    signal.throwIfAborted()
    if (attrs.isDirectory()) yield* walk(connection, root, { folder: name, prefix, signal })
    else yield { name, bytes: attrs.size, modifiedAt: new Date(attrs.mtime * 1000) }
  }
}
