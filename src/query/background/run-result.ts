import { basename } from 'node:path'
import { newAttemptFolder } from '#base/engine-folder.ts'
import { AppError } from '#base/errors.ts'
import { quoteIdentifier } from '#base/sql-text.ts'
import type { RunContext, RunOutcome } from '#jobs/jobs.ts'
import { fillKeptResult, selectKeptResult } from '#metadata/kept-results.ts'
import { updateQueryLog } from '#metadata/query.ts'
import { distinctlyNamed } from '#types/distinct-names.ts'
import { focusOf } from '../names/focus.ts'
import type { Gate } from '../gate.ts'
import { SessionProperties } from '../properties.ts'
import { planQuery } from '../rows/plan-query.ts'
import { orMissing, unlessRemoved } from '../rows/unless-removed.ts'
import type { ResultPart } from '../results.ts'
import { uncapped } from '../row-cap.ts'
import { taskOf } from './run-task.ts'
import type { Scope } from '../scope.ts'
import { limitedTime } from './limited-time.ts'
import type { QueryServiceOptions } from '../services.ts'
import { sessionJournal } from '../session-journal.ts'
import { TemporaryTables } from '../names/temporary-tables.ts'
import { Variables } from '../variables.ts'

/** The job kind of results that are kept. */
export const resultKind = 'result'

/** One attempt: the rows are written once into files of a folder of its own, and become the result in one transaction. */
export async function runResult(
  { services, gate }: { readonly services: QueryServiceOptions; readonly gate: Gate },
  context: RunContext,
): Promise<RunOutcome> {
  const { run, lease } = context
  const { access, clock, engine, lake, limits, metadata, nodeId, resultsFolder, sql } = services
  const caller = await access.actAs(run.principalId, run.sandboxId)
  const question = { principal: caller.principal, sandboxId: caller.sandbox.id }
  await access.require({ ...question, permission: 'batch-queries' })
  const { request, sql: text } = await taskOf(metadata.db, run)
  const kept = await selectKeptResult(metadata.db, run.subjectId)
  if (!kept) throw new AppError('result.unknown', 'The result was deleted before it was made.')
  const [scanned] = sql.split(text)
  const statement = scanned && sql.parse(scanned)
  if (statement?.kind !== 'query') throw new AppError('query.unsupported', 'A result is of one SELECT.')
  using time = limitedTime(services, context)
  const { signal } = time
  const journal = sessionJournal(services)
  const scope: Scope = {
    services,
    gate,
    caller,
    database: request.database,
    focus: await focusOf(services, { caller, database: request.database }),
    properties: new SessionProperties(new Map([['session_authorization', caller.principal.name]]), new Map()),
    temporaries: new TemporaryTables(),
    variables: new Variables(),
    parameters: [],
    journal,
    step: '0',
    pool: 'batch',
    notice: () => {},
    signal,
  }
  const { planned, columns, folder, copied } = await unlessRemoved(scope, async () => {
    const planned = await planQuery(scope, uncapped(scope, statement.query), await journal.pins('0'))
    const columns = distinctlyNamed(planned.columns)
    const names = columns.map(({ name }) => quoteIdentifier(name)).join(', ')
    const leased = () => lake.lease(planned.files, { signal })
    using files = await leased()
    const folder = await newAttemptFolder(resultsFolder, kept.id, lease.fence)
    const copy = () =>
      engine.copy(
        { sql: `SELECT * FROM (${planned.sql}) AS result(${names})`, files: files.paths, pool: 'batch' },
        {
          folder,
          isOrdered: planned.isOrdered,
          format: { kind: 'parquet', compression: 'zstd', fileBytesMax: Number(kept.part_bytes) },
          onProgress: ({ rowCount }) => {
            lease.saveProgress({ rowCount }).catch(() => {}) // Only for people.
          },
          signal,
        },
      )
    return { planned, columns, folder, copied: await orMissing(copy, leased) }
  })
  const parts: ResultPart[] = copied.files
    .filter((file) => file.rowCount > 0)
    .map(({ path, rowCount, bytes }) => ({ name: basename(path), rowCount, bytes }))
  await metadata.transaction(async (tx) => {
    await lease.finish(tx, { rowCount: copied.rowCount, partCount: parts.length })
    await fillKeptResult(tx, kept.id, {
      node_id: nodeId,
      folder,
      columns: JSON.stringify(columns.map(({ name, type }) => ({ name, type }))),
      parts: JSON.stringify(parts),
      row_count: copied.rowCount,
      expires_at: new Date(clock.now().getTime() + limits.resultRetentionMs),
    })
    await updateQueryLog(tx, kept.id, {
      state: 'SUCCESS',
      row_count: copied.rowCount,
      referenced_datasets: [...planned.datasetIds],
      updated_at: clock.now(),
    })
  })
  return 'finished'
}
