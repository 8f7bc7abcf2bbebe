import type { CopiedFile } from '#engine/engine.ts'

export interface Spooled {
  /** Σ record counts of the pinned data files; counted by a statement where only some of their rows are read. */
  readonly sourceRowCount: number
  readonly sourceBytes: number
  /** Rows of the pinned files that are too old. */
  readonly skippedRowCount: number
  /** Rows the engine says it wrote. */
  readonly emittedRowCount: number
  readonly files: readonly SpooledFile[]
}

export interface SpooledFile extends CopiedFile {
  /** Where it goes, below the location. */
  readonly folder: string
}
