import { join } from 'node:path'
import { openFolderStore } from '#objects/open-store.ts'
import { landingPath } from './landing-path.ts'
import type { LandingPlace } from './landing-place.ts'

/** Folders of our home: the one place there that deliveries go to. */
export function landingInHome(home: string): LandingPlace {
  const root = join(home, 'landing')
  return {
    target: (sandboxId, path) => ({ kind: 'local', folder: join(root, sandboxId, landingPath(path)) }),
    openZone: (sandboxId) => openFolderStore(join(root, sandboxId)),
  }
}
