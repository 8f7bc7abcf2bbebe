import { z } from 'zod'
import { unreachable } from '#base/assert.ts'
import type { ObjectStore } from './object-store.ts'
import { localStoreConfig, openLocalStore } from './local/local-store.ts'

/** To add a store: write its folder, then one line here and one case below. The compiler finds the rest. */
export const storeConfig = z.discriminatedUnion('kind', [localStoreConfig])

export type StoreConfig = z.infer<typeof storeConfig>

export function openStore(config: StoreConfig): Promise<ObjectStore> {
  switch (config.kind) {
    case 'local':
      return openLocalStore(config)
    default:
      return unreachable(config.kind)
  }
}
