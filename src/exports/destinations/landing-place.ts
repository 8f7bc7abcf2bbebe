import type { SandboxId } from '#base/ids.ts'
import type { FolderStore } from '#objects/folder-store.ts'
import type { ObjectStore } from '#objects/object-store.ts'
import type { Target } from './target.ts'

/** Where the landing zones of all sandboxes are: each below a folder of its own, named by the sandbox's id. */
export interface LandingPlace {
  /** What a target connection's path names in a zone. @throws AppError 'flow.invalid' */
  target(sandboxId: SandboxId, path: string): Target
  /** Whether it is in a landing zone, wherever those were when it was planned. */
  isZone(target: Target): boolean
  /** Opens what `isZone`. @throws AppError 'store.unreachable' while zones are elsewhere, 'store.…' */
  openTarget(target: Target, options: { readonly signal: AbortSignal }): Promise<ObjectStore>
  /** Names are without what leads to the zone. @throws AppError 'store.…' */
  openZone(sandboxId: SandboxId): Promise<ZoneFiles>
  /** Looks whether the zone can be read, and makes nothing. @throws AppError 'store.…' */
  test(sandboxId: SandboxId, options: { readonly signal: AbortSignal }): Promise<void>
}

export type ZoneFiles = Pick<FolderStore, 'listBehind' | 'head' | 'read'> & AsyncDisposable
