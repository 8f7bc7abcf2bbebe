import type { ObjectSummary } from '../object-store.ts'
import type { Keys } from '../remote/keys.ts'
import type { Connection } from './connection.ts'
import { listKeys } from './list-keys.ts'

/** In the order of keys, which is that of names: one page at a time. */
export async function* listObjects(
  connection: Connection,
  keys: Keys,
  { prefix, signal }: { readonly prefix: string; readonly signal: AbortSignal },
): AsyncGenerator<ObjectSummary> {
  const keyPrefix = keys.prefix(prefix)
  if (keyPrefix === undefined) return
  let token: string | undefined
  do {
    const page = await listKeys(connection, { prefix: keyPrefix, token, signal })
    for (const { key, bytes, modifiedAt = new Date(0) } of page.objects) {
      const name = keys.name(key)
      if (name !== undefined && name.startsWith(prefix)) yield { name, bytes, modifiedAt }
    }
    token = page.token
  } while (token !== undefined)
}
