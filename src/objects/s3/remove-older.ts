import type { Connection } from './connection.ts'
import { listKeys } from './list-keys.ts'
import { sweepUploads } from './multipart.ts'
import { removeObject } from './remove-object.ts'

/** As `RemoteStore.removeOlder` says, of keys that begin with the prefix. */
export async function removeOlder(
  connection: Connection,
  prefix: string,
  { before, signal }: { readonly before: Date; readonly signal: AbortSignal },
): Promise<number> {
  let removed = 0
  let token: string | undefined
  do {
    const page = await listKeys(connection, { prefix, token, signal })
    for (const { key, modifiedAt } of page.objects) {
      // A server that lists other keys than it was asked for must not make us remove them.
      if (!key.startsWith(prefix) || modifiedAt >= before) continue
      await removeObject(connection, { key, name: key, signal })
      removed += 1
    }
    token = page.token
  } while (token !== undefined)
  await sweepUploads(connection, prefix, { before, signal })
  return removed
}
