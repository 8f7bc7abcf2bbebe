import type { SandboxId } from '#base/ids.ts'
import type { FolderStore } from '#objects/folder-store.ts'
import type { ObjectStore } from '#objects/object-store.ts'
import type { StoreConfig } from '#objects/open-store.ts'

/** Where the landing zones of all sandboxes are: each below a folder of its own, named by the sandbox's id. */
export interface LandingPlace extends AsyncDisposable {
  /** The store of what a target connection's path names in a zone; never a secret. @throws AppError 'flow.invalid' */
  target(sandboxId: SandboxId, path: string): StoreConfig
  /** Opens what `target` gave, then or in an earlier life. @throws AppError 'flow.unknown' once zones are elsewhere, 'store.…' */
  openTarget(target: StoreConfig): Promise<ObjectStore>
  /** Names are without what leads to the zone. @throws AppError 'store.…' */
  openZone(sandboxId: SandboxId): Promise<ZoneFiles>
  /** Removes what has lain in the zones for seven days. Returns how many files it removed. @throws AppError 'store.…' */
  sweep(now: Date, options: { readonly signal: AbortSignal }): Promise<number>
}

export type ZoneFiles = Pick<FolderStore, 'listBehind' | 'head' | 'read'> & AsyncDisposable

export const landingKeptMs = 7 * 86_400_000
