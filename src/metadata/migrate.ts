import { type Kysely, sql } from 'kysely'
import { AppError } from '#base/errors.ts'
import * as access from './migrations/0001-access.ts'
import * as lake from './migrations/0002-lake.ts'
import * as jobs from './migrations/0003-jobs.ts'
import * as datasets from './migrations/0004-datasets.ts'
import * as query from './migrations/0005-query.ts'
import * as exportsArea from './migrations/0006-exports.ts'
import * as lakeHistory from './migrations/0007-lake-history.ts'
import * as schemas from './migrations/0010-schemas.ts'
import * as catalog from './migrations/0011-catalog.ts'
import * as lakeDigests from './migrations/0012-lake-digests.ts'
import * as constraints from './migrations/0013-constraints.ts'
import * as accessControl from './migrations/0020-access-control.ts'
import * as credentials from './migrations/0021-credentials.ts'
import * as auditChain from './migrations/0022-audit-chain.ts'
import * as secrets from './migrations/0023-secrets.ts'
import * as views from './migrations/0030-views.ts'
import * as home from './migrations/0031-home.ts'
import * as stagedTables from './migrations/0032-staged-tables.ts'
import * as databases from './migrations/0040-databases.ts'
import * as auditRetention from './migrations/0025-audit-retention.ts'
import * as revisions from './migrations/0024-revisions.ts'
import * as scratchCopies from './migrations/0041-scratch-copies.ts'
import * as queryService from './migrations/0050-query-service.ts'
import * as notify from './migrations/0051-notify.ts'
import * as keptResults from './migrations/0052-kept-results.ts'
import * as queryCopies from './migrations/0053-query-copies.ts'
import * as runTotals from './migrations/0054-run-totals.ts'
import * as exportControl from './migrations/0070-export-control.ts'
import * as exportRules from './migrations/0071-export-rules.ts'
import * as ingestion from './migrations/0080-ingestion.ts'
import * as streaming from './migrations/0081-streaming.ts'
import * as expirations from './migrations/0082-expirations.ts'
import * as replays from './migrations/0083-replays.ts'
import * as exportAlerts from './migrations/0088-export-alerts.ts'
import * as nodes from './migrations/0096-nodes.ts'
import * as externalIds from './migrations/0100-external-ids.ts'
import * as chainRejoins from './migrations/0121-chain-rejoins.ts'
import * as chainResets from './migrations/0120-chain-resets.ts'
import * as landingKeys from './migrations/0110-landing-keys.ts'
import * as unusedLogins from './migrations/0130-unused-logins.ts'
import * as managedDatasets from './migrations/0125-managed-datasets.ts'
import * as tableBytes from './migrations/0126-table-bytes.ts'
import * as batchStarts from './migrations/0127-batch-starts.ts'
import * as exportTiers from './migrations/0128-export-tiers.ts'
import * as abandonedBatches from './migrations/0129-abandoned-batches.ts'
import * as skippedShares from './migrations/0152-skipped-shares.ts'
import * as retryAndQuotaAlerts from './migrations/0153-retry-and-quota-alerts.ts'
import * as replayReasons from './migrations/0143-replay-reasons.ts'
import * as unmindedTimeZones from './migrations/0158-unminded-time-zones.ts'
import * as exportStarts from './migrations/0091-export-starts.ts'
import * as filledTables from './migrations/0163-filled-tables.ts'
import * as nulTexts from './migrations/0164-nul-texts.ts'
import * as lateAlerts from './migrations/0097-late-alerts.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
type AnyDb = Kysely<any>

export interface Migration {
  readonly name: string
  readonly up: (db: AnyDb) => Promise<void>
}

/** Forward only; a migration that has been released never changes. Its version is its place, from 1. */
export const migrations: readonly Migration[] = [
  { name: '0001-access', up: access.up },
  { name: '0002-lake', up: lake.up },
  { name: '0003-jobs', up: jobs.up },
  { name: '0004-datasets', up: datasets.up },
  { name: '0005-query', up: query.up },
  { name: '0006-exports', up: exportsArea.up },
  { name: '0007-lake-history', up: lakeHistory.up },
  { name: '0010-schemas', up: schemas.up },
  { name: '0011-catalog', up: catalog.up },
  { name: '0012-lake-digests', up: lakeDigests.up },
  { name: '0013-constraints', up: constraints.up },
  { name: '0020-access-control', up: accessControl.up },
  { name: '0021-credentials', up: credentials.up },
  { name: '0022-audit-chain', up: auditChain.up },
  { name: '0023-secrets', up: secrets.up },
  { name: '0030-views', up: views.up },
  { name: '0031-home', up: home.up },
  { name: '0032-staged-tables', up: stagedTables.up },
  { name: '0040-databases', up: databases.up },
  { name: '0024-revisions', up: revisions.up },
  { name: '0041-scratch-copies', up: scratchCopies.up },
  { name: '0025-audit-retention', up: auditRetention.up },
  { name: '0050-query-service', up: queryService.up },
  { name: '0051-notify', up: notify.up },
  { name: '0052-kept-results', up: keptResults.up },
  { name: '0070-export-control', up: exportControl.up },
  { name: '0071-export-rules', up: exportRules.up },
  { name: '0080-ingestion', up: ingestion.up },
  { name: '0081-streaming', up: streaming.up },
  { name: '0082-expirations', up: expirations.up },
  { name: '0083-replays', up: replays.up },
  { name: '0088-export-alerts', up: exportAlerts.up },
  { name: '0096-nodes', up: nodes.up },
  { name: '0091-export-starts', up: exportStarts.up },
  { name: '0097-late-alerts', up: lateAlerts.up },
  { name: '0100-external-ids', up: externalIds.up },
  { name: '0110-landing-keys', up: landingKeys.up },
  { name: '0053-query-copies', up: queryCopies.up },
  { name: '0054-run-totals', up: runTotals.up },
  { name: '0125-managed-datasets', up: managedDatasets.up },
  { name: '0126-table-bytes', up: tableBytes.up },
  { name: '0127-batch-starts', up: batchStarts.up },
  { name: '0128-export-tiers', up: exportTiers.up },
  { name: '0130-unused-logins', up: unusedLogins.up },
  { name: '0120-chain-resets', up: chainResets.up },
  { name: '0121-chain-rejoins', up: chainRejoins.up },
  { name: '0129-abandoned-batches', up: abandonedBatches.up },
  { name: '0152-skipped-shares', up: skippedShares.up },
  { name: '0153-retry-and-quota-alerts', up: retryAndQuotaAlerts.up },
  { name: '0143-replay-reasons', up: replayReasons.up },
  { name: '0158-unminded-time-zones', up: unmindedTimeZones.up },
  { name: '0163-filled-tables', up: filledTables.up },
  { name: '0164-nul-texts', up: nulTexts.up },
]

/** Any number that nobody else uses in this database: two nodes that start together migrate one after the other. */
const advisoryLock = 8_710_873_201

/**
 * Brings the database to this code's version, all or nothing.
 * @throws AppError 'metadata.newer' when a newer Sluice has migrated it already.
 */
export async function migrate(
  db: AnyDb,
  list: readonly Migration[] = migrations,
): Promise<{ readonly from: number; readonly to: number }> {
  return await db.transaction().execute(async (tx) => {
    await sql`select pg_advisory_xact_lock(${advisoryLock}::bigint)`.execute(tx)
    await sql`create table if not exists sluice_migrations (
      version integer primary key,
      name text not null,
      applied_at timestamptz not null default now()
    )`.execute(tx)
    const rows = await sql<{ version: number; name: string }>`
      select version, name from sluice_migrations order by version`.execute(tx)
    const applied = rows.rows
    refuseOther(applied, list)
    for (const [index, migration] of list.entries()) {
      if (index < applied.length) continue
      await migration.up(tx)
      await sql`insert into sluice_migrations (version, name) values (${index + 1}, ${migration.name})`.execute(
        tx,
      )
    }
    return { from: applied.length, to: list.length }
  })
}

function refuseOther(
  applied: readonly { readonly version: number; readonly name: string }[],
  list: readonly Migration[],
): void {
  if (applied.length > list.length) {
    throw new AppError(
      'metadata.newer',
      `The database has version ${applied.length} and this Sluice knows versions up to ${list.length}.`,
      { hint: 'Start the newer Sluice that migrated it, or restore a backup made before.' },
    )
  }
  const other = applied.find((row, index) => row.version !== index + 1 || row.name !== list[index]?.name)
  if (other) {
    throw new AppError(
      'metadata.newer',
      `The database was migrated by ${JSON.stringify(other.name)} as version ${other.version}, which this Sluice does not know.`,
      { hint: 'Use the Sluice that made this database, or another database.' },
    )
  }
}
