import type { SandboxId } from '#base/ids.ts'
import type { FolderStore } from '#objects/folder-store.ts'
import type { StoreConfig } from '#objects/open-store.ts'

/** Where the landing zones of all sandboxes are: each below a folder of its own, named by the sandbox's id. */
export interface LandingPlace {
  /** What a target connection's path names in a zone. @throws AppError 'flow.invalid' */
  target(sandboxId: SandboxId, path: string): StoreConfig
  /** Names are without what leads to the zone. @throws AppError 'store.…' */
  openZone(sandboxId: SandboxId): Promise<ZoneFiles>
}

export type ZoneFiles = Pick<FolderStore, 'listBehind' | 'head' | 'read'> & AsyncDisposable
