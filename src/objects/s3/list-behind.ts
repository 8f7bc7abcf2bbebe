import type { FolderEntry, ListOptions } from '../folder-store.ts'
import type { Keys } from '../remote/keys.ts'
import type { Connection } from './connection.ts'
import { listKeys } from './list-keys.ts'

/** Behind nearly all that is in a folder, when it follows the slash: no character comes after it. */
const lastCharacter = '\u{10FFFF}'

/**
 * As `FolderStore.listBehind` says. A page that ends in a folder which stands for its files is followed by one from
 * behind the folder, any other by the one its token gives. Delimiters of S3 are not used: where a list begins within a
 * folder its servers do not agree.
 */
export async function* listBehind(
  connection: Connection,
  keys: Keys,
  { prefix, after, isShallow, signal }: ListOptions & { readonly prefix: string },
): AsyncGenerator<FolderEntry> {
  const keyPrefix = keys.prefix(prefix)
  if (keyPrefix === undefined) return
  const above = keyPrefix.slice(0, keyPrefix.length - prefix.length)
  const folderOf = (name: string): string | undefined => {
    const end = isShallow ? name.indexOf('/', prefix.length) : -1
    return end < 0 ? undefined : name.slice(0, end + 1)
  }
  let passed = isShallow && folderOf(after) === after ? after : undefined
  const behindPassed = () => `${above}${passed}${lastCharacter}`
  let from: { readonly after?: string; readonly token?: string } = {}
  if (after !== '') from = { after: passed === undefined ? `${above}${after}` : behindPassed() }
  for (;;) {
    const { objects, token } = await listKeys(connection, { prefix: keyPrefix, ...from, signal })
    for (const { key, bytes, modifiedAt = new Date(0) } of objects) {
      const name = keys.name(key)
      if (name === undefined || !name.startsWith(prefix)) continue
      const folder = folderOf(name)
      if (folder === undefined) yield { name, bytes, modifiedAt: wholeSeconds(modifiedAt) }
      else if (folder !== passed) yield { name: folder, isFolder: true }
      passed = folder ?? passed
    }
    if (token === undefined) return
    const last = objects.at(-1)?.key
    const isWithin = passed !== undefined && last?.startsWith(`${above}${passed}`) === true
    // Names in a folder may begin with the last character, too: a list never goes back to before them.
    from = isWithin && isBefore(last, behindPassed()) ? { after: behindPassed() } : { token }
  }
}

function isBefore(one: string, other: string): boolean {
  return Buffer.compare(Buffer.from(one), Buffer.from(other)) < 0
}

/** As a look at the object says them: who compares finds the same time. */
function wholeSeconds(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1_000) * 1_000)
}
