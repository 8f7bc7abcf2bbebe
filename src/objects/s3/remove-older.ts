import { AppError } from '#base/errors.ts'
import type { RemovalOptions } from '../remote-store.ts'
import type { Connection } from './connection.ts'
import { listKeys } from './list-keys.ts'
import { openUploads, removeUpload } from './multipart.ts'
import { removeObject } from './remove-object.ts'

/** Objects one after the other that the store does not answer about, before it counts as away. */
const silentMax = 3

/** As `RemoteStore.removeOlder` says, of keys that begin with the prefix. */
export async function removeOlder(
  connection: Connection,
  prefix: string,
  { before, signal, onFailure }: RemovalOptions,
): Promise<number> {
  let [removed, silent] = [0, 0]
  const tried = async (remove: () => Promise<void>): Promise<boolean> => {
    try {
      await remove()
      silent = 0
      return true
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      silent = error.code === 'store.unreachable' ? silent + 1 : 0
      if (silent === silentMax) throw error
      onFailure(error)
      return false
    }
  }
  let token: string | undefined
  do {
    const page = await listKeys(connection, { prefix, token, signal })
    for (const { key, modifiedAt } of page.objects) {
      // A server that lists other keys than it was asked for must not make us remove them.
      if (!key.startsWith(prefix) || modifiedAt === undefined || modifiedAt >= before) continue
      if (await tried(() => removeObject(connection, { key, name: key, signal }))) removed += 1
    }
    token = page.token
  } while (token !== undefined)
  const asking = { name: '', signal }
  for await (const { key, id, startedAt } of openUploads(connection, asking, prefix))
    if (startedAt < before) await tried(() => removeUpload(connection, { ...asking, key }, id))
  return removed
}
