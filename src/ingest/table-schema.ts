import type { Constraints } from '#types/constraints.ts'
import type { StructType } from '#types/data-type.ts'
import type { RequiredPaths } from './value-readers.ts'

/** What a load asks of rows. */
export interface TableSchema {
  readonly columns: StructType
  readonly required: RequiredPaths
  readonly constraints: readonly Constraints[]
  /** Where rows of profiles have their primary identity. */
  readonly identity?: readonly string[] | undefined
}
