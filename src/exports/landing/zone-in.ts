import type { FolderStore } from '#objects/folder-store.ts'
import type { ZoneFiles } from '../destinations/landing-place.ts'

/** What of a store lies below `root`, which ends with a slash: no name leads out of it. The store stays open. */
export function zoneIn(store: FolderStore, root: string): ZoneFiles {
  return {
    listBehind: async function* (prefix, { after, ...options }) {
      const behind = after === '' ? '' : `${root}${after}`
      for await (const entry of store.listBehind(`${root}${prefix}`, { ...options, after: behind }))
        yield { ...entry, name: entry.name.slice(root.length) }
    },
    head: async (name, options) => {
      const found = await store.head(`${root}${name}`, options)
      return found && { ...found, name }
    },
    read: (name, options) => store.read(`${root}${name}`, options),
    [Symbol.asyncDispose]: async () => {},
  }
}
