import type { Access } from '#access/access.ts'
import type { Clock } from '#base/clock.ts'
import type { Logger } from '#base/log.ts'
import type { Datasets } from '#datasets/datasets.ts'
import type { TableKeys } from '#datasets/table-keys.ts'
import type { Engine, QueryEngine } from '#engine/engine.ts'
import type { Jobs } from '#jobs/jobs.ts'
import type { Lake } from '#lake/lake.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { Shadow } from '#shadow/shadow.ts'
import type { SqlFrontEnd } from '#sql/compile.ts'

/** What the query service stands on. */
export interface QueryServiceOptions {
  readonly metadata: Metadata
  readonly access: Access
  readonly engine: Engine
  /** Runs the queries of sessions that ask for it; absent: there is none. */
  readonly spark?: QueryEngine | undefined
  readonly sql: SqlFrontEnd
  readonly lake: Lake
  readonly datasets: Datasets
  readonly keys: TableKeys
  readonly jobs: Jobs
  /** Answers questions to PostgreSQL's catalogue. */
  readonly shadow: Shadow
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: QueryLimits
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
  /** Interactive statements of one principal that run at a time; more wait. */
  readonly statementsMax: number
}
