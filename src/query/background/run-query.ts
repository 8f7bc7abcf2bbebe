import { AppError } from '#base/errors.ts'
import type { DatasetId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { RunContext, RunOutcome } from '#jobs/jobs.ts'
import { updateQueryLog } from '#metadata/query.ts'
import { updateScheduledQuery } from '#metadata/scheduled-queries.ts'
import { loadCatalogue } from '../names/catalogue.ts'
import { newCursors } from '../statements/cursors.ts'
import { findTable } from '../names/find-table.ts'
import { focusOf } from '../names/focus.ts'
import type { Gate } from '../gate.ts'
import { outputOf, outputText } from '../tables/output-text.ts'
import { preparedStatements } from '../statements/prepared-statements.ts'
import { SessionProperties } from '../properties.ts'
import type { QueryLog } from './query-log.ts'
import type { Statement } from '../query.ts'
import type { ResultRows } from '../results.ts'
import { pullAll } from '../rows/pull-all.ts'
import { runSteps } from '../statements/run-block.ts'
import { RunJournal } from './run-journal.ts'
import { type RunTask, taskOf } from './run-task.ts'
import type { Scope } from '../scope.ts'
import type { ScratchCopy } from '../scratch-space.ts'
import type { QueryServiceOptions } from '../services.ts'
import { tablesOf } from './statement-tables.ts'
import { tellAlert } from './tell-alert.ts'
import { tellQueryLineage, type TouchedTables } from './tell-query-lineage.ts'
import { TemporaryTables } from '../names/temporary-tables.ts'
import { timeOfRun } from './time-of-run.ts'
import { Variables } from '../variables.ts'

const noticesMax = 100

interface Shared {
  readonly services: QueryServiceOptions
  readonly gate: Gate
  readonly log: QueryLog
}

/**
 * One attempt at a run of a query. Each statement is a step of the journal: a later attempt takes the recorded values and
 * snapshots, passes over what is committed, and goes on where this one ended.
 */
export async function runQuery(shared: Shared, context: RunContext): Promise<RunOutcome> {
  const { services, log } = shared
  const { access, metadata, clock } = services
  const { run, lease } = context
  const caller = await access.actAs(run.principalId, run.sandboxId)
  const question = { principal: caller.principal, sandboxId: caller.sandbox.id }
  await access.require({ ...question, permission: 'batch-queries' })
  const task = await taskOf(metadata.db, run)
  const { request, isScheduled, sql, template } = task
  const entry = await log.beginRun(caller, run, {
    sql,
    scheduleId: run.subjectId,
    request,
    template,
  })
  await metadata.transaction((tx) => tellAlert(services, tx, { run, event: { type: 'start', ...task } }))
  using time = timeOfRun(services, context, task)
  const { signal } = time
  const notices: string[] = []
  const made: DatasetId[] = []
  const focus = await focusOf(services, { caller, database: request.database })
  const scope: Scope = {
    ...newScope(shared, context, { caller, task, signal }),
    focus,
    making: request.ctas,
    onMade: (id) => void made.push(id),
    notice: (notice) => {
      if (notices.length < noticesMax && !notices.includes(notice)) notices.push(notice)
    },
  }
  await using cursors = newCursors()
  let rowCount = 0
  try {
    // The first attempt decides whether a table is made or appended to; those after it do the same.
    const decided = run.attempt > 1 ? entry.effectiveSql : undefined
    const effective = decided ?? (await outputText(scope, { text: sql, request, appends: isScheduled }))
    const statements = services.sql.split(effective).map((scanned) => services.sql.parse(scanned))
    if (decided === undefined) {
      const referenced_datasets = await referencedBy(scope, statements)
      const output = outputOf(statements) ?? null
      await updateQueryLog(metadata.db, entry.id, { effective_sql: effective, output, referenced_datasets })
    }
    const isTold = isScheduled && services.lineage.isOn
    if (isTold) {
      const touched = await touchedBy(scope, statements)
      await metadata.transaction((tx) =>
        tellQueryLineage(services, tx, { run, task, type: 'START', touched }),
      )
    }
    const host = {
      // The whole text of a run is shorter than those of a session together may be.
      prepared: preparedStatements(() => 0),
      cursors,
      queryId: entry.id,
      encoding: () => ({ kind: 'jsonRows' }) as const,
      onWritten: (count: number) => {
        rowCount += count
        entry.addRows(count)
      },
      onCopied: async (copy: ScratchCopy) => await log.copied(entry.id, copy),
    }
    for await (const result of runSteps(scope, statements, { host, prefix: '' })) {
      // Nobody takes these rows, but to compute them may be to fail.
      if (result.kind === 'rows') await drain(result.rows)
    }
    const touched = isTold ? await touchedBy(scope, statements) : undefined
    await metadata.transaction(async (tx) => {
      await lease.finish(tx, { statementCount: statements.length, rowCount, notices })
      await updateQueryLog(tx, entry.id, {
        state: 'SUCCESS',
        row_count: rowCount,
        created_dataset: made[0] ?? null,
        updated_at: clock.now(),
      })
      if (isScheduled) await updateScheduledQuery(tx, run.subjectId, { failure_count: 0 })
      const event = {
        type: 'success',
        ...task,
        text: `${rowCount} rows were stored.`,
        detail: { rowCount },
      } as const
      await tellAlert(services, tx, { run, event })
      await tellQueryLineage(services, tx, { run, task, type: 'COMPLETE', touched, rowCount })
    })
    await scope.temporaries.clear(({ id }) => services.datasets.delete(caller, id))
  } catch (error) {
    // Then the next attempt decides anew.
    if (error instanceof AppError && error.code === 'dataset.made_meanwhile')
      await updateQueryLog(metadata.db, entry.id, { effective_sql: null, output: null })
    await entry.end({ error, isStopped: signal.aborted })
    throw error
  }
  return 'finished'
}

function newScope(
  { services, gate }: Shared,
  { run, lease }: RunContext,
  { caller, task, signal }: { readonly caller: Caller; readonly task: RunTask; readonly signal: AbortSignal },
): Omit<Scope, 'focus' | 'notice'> {
  const { lake, clock } = services
  const names = new Map([
    ['session_authorization', caller.principal.name],
    ['application_name', task.name],
  ])
  return {
    services,
    gate,
    caller,
    database: task.request.database,
    properties: new SessionProperties(names, new Map()),
    temporaries: new TemporaryTables(),
    variables: new Variables(),
    parameters: [],
    journal: new RunJournal({ run, lease, lake, clock }),
    step: '',
    pool: 'batch',
    signal,
  }
}

/** Ids of the datasets read, also through views, of those the caller may see now. */
async function referencedBy(scope: Scope, statements: readonly Statement[]): Promise<string[]> {
  const ids = new Set<string>()
  for (const table of tablesOf(statements).read) {
    const catalogue = await loadCatalogue(scope, [table]).catch(() => undefined) // The statement itself will say why.
    for (const id of catalogue?.datasetIds ?? []) ids.add(id)
  }
  return [...ids]
}

/** Tables that are read and written, as SQL calls them, of those the caller may see now. */
async function touchedBy(scope: Scope, statements: readonly Statement[]): Promise<TouchedTables> {
  const { read, written } = tablesOf(statements)
  const namesOf = async (tables: typeof read) => {
    const names = new Set<string>()
    for (const { parts } of tables) {
      const dataset = await findTable(scope, parts).catch(() => undefined) // The statement itself will say why.
      if (dataset) names.add(dataset.tableName)
    }
    return [...names]
  }
  return { read: await namesOf(read), written: await namesOf(written) }
}

async function drain(rows: ResultRows): Promise<void> {
  await using own = rows
  await pullAll(own)
}
