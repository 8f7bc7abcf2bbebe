import { join } from 'node:path'
import { openFolderStore, openStore } from '#objects/open-store.ts'
import { landingMoved } from './landing-moved.ts'
import { landingPath } from './landing-path.ts'
import type { LandingPlace } from './landing-place.ts'
import { sweepLanding } from './landing-sweep.ts'

/** Folders of our home: the one place there that deliveries go to. */
export function landingInHome(home: string): LandingPlace {
  const root = join(home, 'landing')
  return {
    target: (sandboxId, path) => ({ kind: 'local', folder: join(root, sandboxId, landingPath(path)) }),
    openTarget: async (target) => {
      if (target.kind === 'local') return await openStore(target)
      throw landingMoved(target)
    },
    openZone: (sandboxId) => openFolderStore(join(root, sandboxId)),
    sweep: (now) => sweepLanding(root, now),
    [Symbol.asyncDispose]: async () => {},
  }
}
