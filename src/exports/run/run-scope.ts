import type { Access } from '#access/access.ts'
import type { SecretStore } from '#access/secret-store.ts'
import type { Clock } from '#base/clock.ts'
import type { Logger } from '#base/log.ts'
import type { Datasets } from '#datasets/datasets.ts'
import type { Engine } from '#engine/engine.ts'
import type { RunContext } from '#jobs/jobs.ts'
import type { Lake } from '#lake/lake.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { Lineage } from '#notify/lineage.ts'
import type { Notify } from '#notify/notify.ts'
import type { ObjectStore } from '#objects/object-store.ts'
import type { ExportPlan } from '../export-plan.ts'
import type { LandingPlace } from '../destinations/landing-place.ts'
import type { SigningKey } from '../manifests/signing-key.ts'

/** What the steps of one attempt share. */
export interface RunScope {
  readonly metadata: Metadata
  readonly secrets: SecretStore
  readonly allowsServerIdentity: boolean
  readonly landing: LandingPlace
  readonly access: Access
  readonly datasets: Datasets
  readonly engine: Engine
  readonly lake: Lake
  readonly notify: Pick<Notify, 'send'>
  readonly lineage: Lineage
  readonly clock: Clock
  readonly logger: Logger
  readonly key: SigningKey
  readonly spoolFolder: string
  readonly context: RunContext
  readonly plan: ExportPlan
  readonly store: ObjectStore
  readonly progress: Progress
  /** Of files that are staged while they are written; a test's are small. */
  readonly aheadBytesMin?: number | undefined
}

export type Phase = 'planning' | 'reading' | 'staging' | 'sealing' | 'publishing'

/** What a run has done so far, for people; saved now and then. */
export interface Progress {
  update(change: Partial<ProgressFields>): Promise<void>
}

export interface ProgressFields {
  readonly phase: Phase
  readonly rowCountTotal: number
  readonly rowCount: number
  readonly fileCount: number
  readonly filesDone: number
  readonly bytes: number
}

const savedEveryMs = 1_000

/** Saves at every new phase, else once a second at most. */
export function createProgress(context: RunContext, clock: Clock): Progress {
  let fields: ProgressFields = {
    phase: 'planning',
    rowCountTotal: 0,
    rowCount: 0,
    fileCount: 0,
    filesDone: 0,
    bytes: 0,
  }
  let savedAtMs = 0
  return {
    update: async (change) => {
      const isNewPhase = change.phase !== undefined && change.phase !== fields.phase
      fields = { ...fields, ...change }
      const nowMs = clock.now().getTime()
      if (!isNewPhase && nowMs - savedAtMs < savedEveryMs) return
      savedAtMs = nowMs
      await context.lease.saveProgress({ ...fields })
    },
  }
}
