import type { Access } from '#access/access.ts'
import { AppError } from '#base/errors.ts'
import { quoteLiteral } from '#base/sql-text.ts'
import type { TableId } from '#base/ids.ts'
import type { Lake } from '#lake/lake.ts'
import type { PastRows } from '#lake/maintenance.ts'
import { inactivateBatches, selectLoadedBatchIds } from '#metadata/batches.ts'
import { selectDatasetOfTable, selectTimeBefore } from '#metadata/datasets.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { Dataset } from './datasets.ts'
import { datasetOf } from './rows.ts'

const daysMin = 30
const form = /^P(?=\d)(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?$/

/** How long a dataset keeps its rows, as ISO 8601 has it (`P90D`, `P1Y`); undefined: for ever. */
export function rowExpirationOf(properties: Dataset['properties']): string | undefined {
  const extensions = properties['extensions'] as
    | {
        readonly adobe_lakeHouse?: { readonly rowExpiration?: { readonly ttlValue?: unknown } | null } | null
      }
    | null
    | undefined
  const value = extensions?.adobe_lakeHouse?.rowExpiration?.ttlValue
  if (value === undefined || value === null || value === '') return undefined
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** @throws AppError 'request.invalid' for what is no such span, is too short, or is said of rows without a time */
export function checkRowExpiration(dataset: Pick<Dataset, 'behavior' | 'properties'>): void {
  const span = rowExpirationOf(dataset.properties)
  if (span === undefined) return
  const place = 'extensions/adobe_lakeHouse/rowExpiration/ttlValue'
  const [match, years = 0, months = 0, weeks = 0, days = 0] = form.exec(span) ?? []
  if (match === undefined) {
    throw new AppError('request.invalid', `${place}: a span such as P90D or P1Y was expected.`)
  }
  if (Number(years) * 365 + Number(months) * 30 + Number(weeks) * 7 + Number(days) < daysMin) {
    throw new AppError('request.invalid', `${place}: at least ${daysMin} days were expected.`)
  }
  if (dataset.behavior !== 'time-series') {
    throw new AppError('request.invalid', `${place}: only rows of events have the time by which they expire.`)
  }
}

/**
 * Rows of tables that are older than their datasets keep them; undefined: none can be, or the dataset keeps its rows for
 * ever. The time is the database's: a node whose clock is wrong removes nothing too soon.
 */
export function rowsPastOf({
  metadata,
  access,
  lake,
}: {
  readonly metadata: Metadata
  readonly access: Access
  readonly lake: Lake
}): (tableId: TableId) => Promise<PastRows | undefined> {
  return async (tableId) => {
    const row = await selectDatasetOfTable(metadata.db, tableId)
    if (!row) return undefined
    const dataset = datasetOf(row)
    const span = rowExpirationOf(dataset.properties)
    const hasTime = dataset.schema.fields.some(
      ({ name, type }) => name === 'timestamp' && type.kind === 'timestamp',
    )
    if (span === undefined || !form.test(span) || !hasTime || dataset.behavior !== 'time-series') {
      return undefined
    }
    const before = (await selectTimeBefore(metadata.db, span)).toISOString()
    return {
      condition: {
        sql: `"timestamp" < CAST(${quoteLiteral(before)} AS TIMESTAMPTZ)`,
        predicates: [{ column: 'timestamp', operator: '<', value: before }],
      },
      recorded: async (tx, { rowsRemoved, pinsBroken }) =>
        await access.audit(
          {
            principalId: undefined,
            sandboxId: dataset.sandboxId,
            action: 'delete',
            assetType: 'dataset rows',
            assetId: dataset.id,
            status: 'Allow',
            detail: { ttlValue: span, before, rowsRemoved, pinsBroken },
          },
          tx,
        ),
      // Asked for in this order, no batch that comes meanwhile is taken for one without rows.
      gone: async (options) => {
        const loaded = await selectLoadedBatchIds(metadata.db, dataset.id)
        const there = await lake.batchesWithRows(tableId, options)
        const without = loaded.filter((id) => !there.has(id))
        await inactivateBatches(metadata.db, without)
      },
    }
  }
}
