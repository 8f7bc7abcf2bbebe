import type { Access } from '#access/access.ts'
import { must } from '#base/assert.ts'
import type { Clock } from '#base/clock.ts'
import type { Logger } from '#base/log.ts'
import type { Engine } from '#engine/engine.ts'
import type { Jobs } from '#jobs/jobs.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { stagingOf } from './staging.ts'
import type { OpenInlet, Streaming } from './streaming.ts'
import { openAcceptLog } from './streaming/accept-log.ts'
import { startBatcher } from './streaming/batcher.ts'
import { createConstraintLook } from './streaming/constraint-look.ts'
import { createBriefMemory } from './streaming/brief-memory.ts'
import { createInlets } from './streaming/inlets.ts'
import { createReceiver } from './streaming/receiver.ts'

export interface StreamingDependencies {
  readonly metadata: Metadata
  readonly access: Access
  readonly engine: Engine
  /** Those that load batches. */
  readonly jobs: Jobs
  /** Of this node alone: its log. */
  readonly folder: string
  /** Where files of open batches lie. */
  readonly stagingFolder: string
  readonly rules: StreamingRules
  readonly clock: Clock
  readonly logger: Logger
}

export interface StreamingRules {
  readonly batchBytes: number
  readonly batchMs: number
  readonly logBytes: number
  readonly duplicateWindowMs: number
}

/** Bytes of messages that are in memory because the disk is behind. */
const waitingBytesMax = 64 * 1024 * 1024

export function createStreaming(dependencies: StreamingDependencies): Streaming {
  const { metadata, engine, jobs, folder, stagingFolder, rules, clock, logger } = dependencies
  const inlets = createInlets(dependencies)
  const openInlets = createBriefMemory<OpenInlet>()
  const stack = new AsyncDisposableStack()
  let parts: Awaited<ReturnType<typeof begin>> | undefined
  const begun = () => must(parts, 'streaming was started')

  async function begin() {
    const log = stack.use(
      await openAcceptLog({
        folder,
        segmentBytes: rules.batchBytes,
        segmentMs: rules.batchMs,
        bytesMax: rules.logBytes,
        waitingBytesMax,
        logger,
      }),
    )
    const batcher = stack.use(
      startBatcher(log, {
        metadata,
        jobs,
        staging: stagingOf(stagingFolder),
        clock,
        logger,
        duplicateWindowMs: rules.duplicateWindowMs,
      }),
    )
    const look = createConstraintLook({ engine, folder: stagingFolder })
    return { log, batcher, receiver: createReceiver({ ...dependencies, log, look, nodeId: jobs.nodeId }) }
  }

  return {
    ...inlets,
    start: async () => {
      parts = await begin()
    },
    opened: async (inletId) =>
      openInlets.known(inletId) ?? (await openInlets.get(inletId, () => inlets.opened(inletId))),
    accept: (inlet, call, options) => begun().receiver.accept(inlet, call, options),
    status: () => {
      const { log, batcher, receiver } = begun()
      return {
        accepted: receiver.accepted,
        refused: receiver.refused,
        duplicates: batcher.duplicates,
        waitingBytes: log.bytes,
        segments: log.segments,
        batchFailures: batcher.failures,
        passedOver: log.passedOver,
        setAside: log.setAsideCount,
      }
    },
    [Symbol.asyncDispose]: async () => await stack.disposeAsync(),
  }
}
