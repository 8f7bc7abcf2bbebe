import { createAnswerCache } from '#base/answer-cache.ts'
import type { PrincipalId, SandboxId } from '#base/ids.ts'
import { sharedRead } from '#base/shared-read.ts'
import { type RightsRow, type SandboxRow, selectOpenSandboxes, selectRights } from '#metadata/access.ts'
import type { Db } from '#metadata/metadata.ts'
import { selectRevision } from '#metadata/revisions.ts'

/** What roles give, as it is when it is asked for: a right that was taken before the question is never in the answer. */
export interface Rights {
  /** @param revision of all rights, read after the question came; absent: it is read */
  inSandbox(
    place: { readonly principalId: PrincipalId; readonly sandboxId: SandboxId },
    revision?: string,
  ): Promise<RightsRow>
  /** The sandboxes, alive, where some role of the principal gives anything, by name. */
  openSandboxes(principalId: PrincipalId): Promise<readonly SandboxRow[]>
}

const placesMax = 20_000
const principalsMax = 5_000

/**
 * Kept from question to question for as long as the revision of all rights stands. It is read anew for each question,
 * by its key, and by those who ask at the same time together.
 */
export function createRights(db: Db): Rights {
  const revision = sharedRead(() => selectRevision(db, 'rights'))
  const places = createAnswerCache<RightsRow>({ weightMax: placesMax })
  const sandboxes = createAnswerCache<readonly SandboxRow[]>({ weightMax: principalsMax })
  return {
    inSandbox: async (place, known) =>
      await places.get(
        `${place.principalId} ${place.sandboxId}`,
        known ?? (await revision()),
        async () => await selectRights(db, place),
      ),
    openSandboxes: async (principalId) =>
      await sandboxes.get(
        principalId,
        await revision(),
        async () => await selectOpenSandboxes(db, principalId),
      ),
  }
}
