import type { DatasetId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { Literal } from '#sql/compile.ts'
import type { Gate } from './gate.ts'
import type { Journal } from './journal.ts'
import type { Focus } from './names/names.ts'
import type { SessionProperties } from './properties.ts'
import type { QueryServiceOptions } from './services.ts'
import type { TemporaryTables } from './names/temporary-tables.ts'
import type { Variables } from './variables.ts'

/** Everything one statement is carried out with. */
export interface Scope {
  readonly services: QueryServiceOptions
  readonly gate: Gate
  readonly caller: Caller
  /** As the client named it, for `current_database`. */
  readonly database: string
  readonly focus: Focus
  readonly properties: SessionProperties
  readonly temporaries: TemporaryTables
  readonly variables: Variables
  readonly parameters: readonly Literal[]
  readonly journal: Journal
  /** Where the statement stands in its request: `2`, in a block `2.0`. Names its journal entries. */
  readonly step: string
  /** Interactive statements have limits of rows and time; scheduled ones have an engine child to themselves. */
  readonly pool: 'interactive' | 'batch'
  readonly notice: (text: string) => void
  /** Told of the datasets that are read, before they are. */
  readonly onRead?: (datasetIds: readonly string[]) => void
  /** Told of a stored table that was made. */
  readonly onMade?: (datasetId: DatasetId) => void
  /** How the dataset of a request's CREATE TABLE is to be called; its table's name follows from that. */
  readonly making?: { readonly datasetName: string; readonly description?: string | undefined } | undefined
  readonly signal: AbortSignal
}
