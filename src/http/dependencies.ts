import type { Access } from '#access/access.ts'
import type { AuditLog } from '#access/audit-log.ts'
import type { Administration } from '#access/create-administration.ts'
import type { SecretStore } from '#access/secret-store.ts'
import type { Backups } from '#backup/backups.ts'
import type { Clock } from '#base/clock.ts'
import type { BatchId, DatasetId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import type { Caller, Datasets } from '#datasets/datasets.ts'
import type { Expirations } from '#datasets/expirations.ts'
import type { SharedTables } from '#datasets/shared-tables.ts'
import type { Exports } from '#exports/exports.ts'
import type { LandingZones } from '#exports/landing-zones.ts'
import type { Ingest } from '#ingest/ingest.ts'
import type { StreamStatus, Streaming } from '#ingest/streaming.ts'
import type { Maintenance, TaskStatus, UpkeepTask } from '#lake/maintenance.ts'
import type { Notify } from '#notify/notify.ts'
import type { QueryService } from '#query/query.ts'
import type { Descriptors } from '#schemas/descriptors.ts'
import type { Namespaces } from '#schemas/namespaces.ts'
import type { Schemas } from '#schemas/schemas.ts'
import type { LakeServer } from './iceberg/storage-config.ts'

/** What the routes are made of. */
export interface HttpDependencies {
  readonly access: Access
  readonly schemas: Schemas
  readonly descriptors: Descriptors
  readonly namespaces: Namespaces
  readonly administration: Administration
  readonly auditLog: AuditLog
  readonly secrets: Pick<SecretStore, 'rotateKey'>
  readonly datasets: Datasets
  readonly expirations: Expirations
  readonly sharedTables: SharedTables
  /** Where the lake's buckets are, for other engines; absent: it is in a folder. */
  readonly lakeServer?: LakeServer | undefined
  readonly ingest: Ingest
  readonly streaming: Streaming
  readonly query: QueryService
  readonly exports: Exports
  readonly landing: LandingZones
  readonly maintenance: Maintenance
  readonly backups: Backups
  readonly notify: Notify
  /** Where the PostgreSQL protocol is spoken, `host:port`. */
  readonly postgresAddress: () => string
  /** Figures of datasets the caller may see. */
  readonly statistics: (
    caller: Caller,
    datasetIds: readonly DatasetId[],
  ) => Promise<ReadonlyMap<DatasetId, DatasetStatistics>>
  /** Fills `$key` placeholders. @throws AppError 'query.parameters' */
  readonly fillTemplate: (text: string, parameters: Readonly<Record<string, string>>) => string
  readonly health: Health
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: { readonly uploadBytesMax: number }
  readonly version: string
}

export interface DatasetStatistics {
  readonly rowCount: number
  readonly bytes: number
  readonly lastBatchId: BatchId | undefined
  readonly lastBatchState: string | undefined
  readonly lastSuccessfulBatchId: BatchId | undefined
  readonly lastFailedBatchId: BatchId | undefined
}

/** How the whole server does, for readiness, status and metrics. */
export interface Health {
  /** One sentence for each part that cannot serve now; empty: ready. */
  problems(): Promise<readonly string[]>
  status(): Promise<ServerStatus>
}

export interface ServerStatus {
  readonly startedAt: Date
  readonly home: string
  /** The same in every life of the home. */
  readonly node: string
  readonly http: string
  readonly postgres: string
  readonly engine: {
    readonly children: readonly {
      readonly pid: number
      readonly pool: 'interactive' | 'batch'
      readonly statements: number
    }[]
    readonly restarts: number
  }
  readonly datasetCount: number
  /** Rows of all committed batches. */
  readonly rowCount: number
  readonly runs: readonly { readonly kind: string; readonly state: string; readonly count: number }[]
  readonly exports: ExportTotals
  /** The upkeep of tables: what is under way, and what all its runs did. */
  readonly upkeep: readonly UpkeepState[]
  readonly streaming: StreamStatus
}

/** What all exports of the server did. */
export interface ExportTotals {
  readonly succeeded: number
  readonly failed: number
  readonly rows: number
  readonly bytes: number
  readonly files: number
  readonly lastSuccessAt: Date | undefined
}

type UpkeepTotals = TaskStatus['totals']

export interface UpkeepState extends UpkeepTotals {
  readonly task: UpkeepTask
  readonly isRunning: boolean
  /** Of the run under way, else of the newest. */
  readonly tables: number
  readonly tablesDone: number
}
