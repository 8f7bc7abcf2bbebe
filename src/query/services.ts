import type { Access } from '#access/access.ts'
import type { Clock } from '#base/clock.ts'
import type { Logger } from '#base/log.ts'
import type { Datasets } from '#datasets/datasets.ts'
import type { FieldGroups } from '#datasets/field-groups.ts'
import type { TableKeys } from '#datasets/table-keys.ts'
import type { ClusterEngine, Engine } from '#engine/engine.ts'
import type { Jobs } from '#jobs/jobs.ts'
import type { Lake } from '#lake/lake.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { Lineage } from '#notify/lineage.ts'
import type { Notify } from '#notify/notify.ts'
import type { Shadow } from '#shadow/shadow.ts'
import type { SqlFrontEnd } from '#sql/compile.ts'
import type { ScratchSpace } from './scratch-space.ts'

/** What the query service stands on. */
export interface QueryServiceOptions {
  readonly metadata: Metadata
  readonly access: Access
  readonly engine: Engine
  /** Runs what sessions compute that ask for it; absent: there is none. */
  readonly spark?: ClusterEngine | undefined
  readonly sql: SqlFrontEnd
  readonly lake: Lake
  readonly datasets: Datasets
  readonly keys: TableKeys
  readonly fieldGroups: FieldGroups
  readonly jobs: Jobs
  readonly scratch: ScratchSpace
  readonly notify: Notify
  readonly lineage: Lineage
  /** Answers questions to PostgreSQL's catalogue. */
  readonly shadow: Shadow
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: QueryLimits
  /** Of kept results; what lies there can be lost. */
  readonly resultsFolder: string
  /** The same for every life of this node. */
  readonly nodeId: string
  /** Of this life alone. */
  readonly incarnation: string
}

export interface QueryLimits {
  /** Rows of a SELECT that says no LIMIT. */
  readonly rowsDefault: number
  /** Largest LIMIT. */
  readonly rowsMax: number
  readonly statementTimeoutMs: number
  /** From the first attempt at a query in the background to its end. */
  readonly batchTimeoutMs: number
  readonly resultRetentionMs: number
  /** Interactive statements of one principal that run at a time; more wait. */
  readonly statementsMax: number
}
