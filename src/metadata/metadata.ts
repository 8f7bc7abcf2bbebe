import type { Kysely, Transaction as KyselyTransaction } from 'kysely'
import type { AccessTables } from './access-tables.ts'
import type { AlertTables } from './alerts.ts'
import type { DatabaseTables } from './databases.ts'
import type { DatasetExpirationTables } from './dataset-expirations.ts'
import type { DatasetTables } from './datasets.ts'
import type { ExportRuleTables } from './export-rules.ts'
import type { ExportTables } from './exports.ts'
import type { HomeTables } from './home-state.ts'
import type { IdentityTables } from './identities.ts'
import type { JobTables } from './jobs.ts'
import type { LakeTables } from './lake.ts'
import type { NotifyTables } from './notifications.ts'
import type { QueryTables } from './query.ts'
import type { ResultTables } from './kept-results.ts'
import type { RevisionTables } from './revisions.ts'
import type { RunTotalTables } from './run-retention.ts'
import type { SchemaTables } from './schemas.ts'
import type { LandingKeyTables } from './landing-keys.ts'
import type { ScratchCopyTables } from './scratch-copies.ts'
import type { ViewTables } from './views.ts'
import type { StagedTableTables } from './staged-tables.ts'
import type { StreamingTables } from './streaming.ts'

/** All our tables. Each area has a file of row types and of functions, one a statement, and its migrations. */
export type Tables = AccessTables &
  AlertTables &
  DatabaseTables &
  DatasetExpirationTables &
  DatasetTables &
  ExportTables &
  ExportRuleTables &
  HomeTables &
  IdentityTables &
  JobTables &
  LakeTables &
  NotifyTables &
  QueryTables &
  ResultTables &
  RevisionTables &
  RunTotalTables &
  SchemaTables &
  LandingKeyTables &
  ScratchCopyTables &
  StagedTableTables &
  StreamingTables &
  ViewTables

/** A connection or a transaction: statement functions take either. */
export type Db = Kysely<Tables>
export type Transaction = KyselyTransaction<Tables>

/** Our database, started or connected, migrated, ready. */
export interface Metadata extends AsyncDisposable {
  /** For single statements. Transactions take none of its connections, so that it may be asked inside of one, too. */
  readonly db: Db
  /**
   * For single short statements of whoever is inside of a transaction and means them to stay when it is undone. They have
   * connections of their own: statements that wait for locks may have taken all others.
   */
  readonly beside: Db
  /** Runs in one transaction (READ COMMITTED unless said); retried on serialization failure and deadlock. */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  /** Calls back whenever somebody notifies the channel; also once after every reconnect. */
  listen(channel: string, onNotify: (payload: string) => void): Promise<AsyncDisposable>
  /** Pid of the managed child, absent with `DATABASE_URL`. */
  readonly postgresPid: number | undefined
}
