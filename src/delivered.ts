// What commands do with places of deliveries, which needs no server.
import type { CliHost } from '#cli/cli.ts'
import type { Destination, VerifyOptions } from '#cli/host.ts'
import { parseAuth } from '#exports/documents/destination-auth.ts'
import { destinationStore } from '#exports/destinations/destination-store.ts'
import { findRestorable } from '#exports/restore/restorable.ts'
import { verifyLocation } from '#exports/verify/verify.ts'
import type { ObjectStore } from '#objects/object-store.ts'
import { openStore } from '#objects/open-store.ts'

export const verifyDelivered: CliHost['verify'] = async (location, options) => {
  await using store = await openDelivered(location, options)
  return await verifyLocation({ store, ...options })
}

export const findDelivered: CliHost['findRestorable'] = async (location, options) => {
  await using opening = new AsyncDisposableStack()
  const store = opening.use(await openDelivered(location, options))
  const found = await findRestorable({ store, ...options })
  const opened = opening.move()
  return { found, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

async function openDelivered(
  { kind, auth, params }: Destination,
  { onHostKey }: Pick<VerifyOptions, 'onHostKey'>,
): Promise<ObjectStore> {
  const { config, credentials } = destinationStore(kind, parseAuth(kind, auth), params)
  return await openStore(config, credentials, { ...(onHostKey ? { onHostKey } : {}), isReadOnly: true })
}
