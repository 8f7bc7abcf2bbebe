import { join } from 'node:path'
import { openFolderStore, openStore } from '#objects/open-store.ts'
import { landingPath } from './landing-path.ts'
import type { LandingPlace } from '../destinations/landing-place.ts'
import { isLandingTarget, landingFolder, landingMoved } from './landing-target.ts'

/** Folders of our home: the one place there that deliveries go to. */
export function landingInHome(home: string): LandingPlace {
  const root = landingFolder(home)
  return {
    target: (sandboxId, path) => ({ kind: 'local', folder: join(root, sandboxId, landingPath(path)) }),
    isZone: (target) => isLandingTarget(home, target),
    openTarget: async (target) => {
      if (target.kind === 'local') return await openStore(target)
      throw landingMoved(target)
    },
    openZone: (sandboxId) => openFolderStore(join(root, sandboxId)),
    test: async () => {}, // It is made by the first delivery, and our own.
  }
}
