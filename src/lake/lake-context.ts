import type { Clock } from '#base/clock.ts'
import type { Logger } from '#base/log.ts'
import type { Engine } from '#engine/engine.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { LakeFiles } from './lake-files.ts'
import type { TableReader } from './table-reader.ts'
import type { Turns } from './turns.ts'
import type { Writes } from './writes.ts'

/** What every operation on tables works with. */
export interface LakeContext {
  readonly metadata: Metadata
  readonly engine: Engine
  readonly lakeFiles: LakeFiles
  readonly clock: Clock
  readonly logger: Logger
  readonly reader: TableReader
  readonly writes: Writes
  /** By table: commits of this process follow one another. */
  readonly turns: Turns
}
