import type { RunContext, RunOutcome } from '#jobs/jobs.ts'
import { fillTemplate } from '#sql/template.ts'
import type { Gate } from './gate.ts'
import { SessionProperties } from './properties.ts'
import { preparedStatements } from './prepared-statements.ts'
import type { ResultRows } from './query.ts'
import type { QueryLog } from './query-log.ts'
import { RunJournal } from './run-journal.ts'
import { runSteps } from './run-block.ts'
import { storedQuery } from './scheduled-queries.ts'
import type { Scope } from './scope.ts'
import type { QueryServiceOptions } from './services.ts'
import { newCursors } from './cursors.ts'
import { TemporaryTables } from './temporary-tables.ts'
import { Variables } from './variables.ts'

const noticesMax = 100
const pullLimit = { rowCountMax: 2_048, bytesMax: 256 * 1024 }

/**
 * One attempt at a run of a stored query. Each statement is a step of the journal: a later attempt takes the recorded
 * values and snapshots, passes over what is committed, and goes on where this one ended.
 */
export async function runScheduled(
  { services, gate, log }: { services: QueryServiceOptions; gate: Gate; log: QueryLog },
  { run, lease, signal }: RunContext,
): Promise<RunOutcome> {
  const { access, metadata, sql, lake, clock } = services
  const caller = await access.actAs(run.principalId, run.sandboxId)
  await access.require({
    principal: caller.principal,
    permission: 'batch-queries',
    sandboxId: caller.sandbox.id,
  })
  const stored = await storedQuery(services, caller, run.subjectId)
  const notices: string[] = []
  const scope: Scope = {
    services,
    gate,
    caller,
    database: 'all',
    focus: { kind: 'all' },
    properties: new SessionProperties(
      new Map([
        ['session_authorization', caller.principal.name],
        ['application_name', stored.name],
      ]),
      new Map(),
    ),
    temporaries: new TemporaryTables(),
    variables: new Variables(),
    parameters: [],
    journal: new RunJournal({ run, lease, lake, clock }),
    step: '',
    pool: 'batch',
    notice: (text) => {
      if (notices.length < noticesMax && !notices.includes(text)) notices.push(text)
    },
    signal,
  }
  const entry = await log.begin(caller, { sql: stored.sql, client: stored.schedule ? 'Schedule' : 'API' })
  await using cursors = newCursors()
  let rowCount = 0
  try {
    const text = fillTemplate(stored.sql, stored.parameters ?? {})
    const statements = sql.split(text).map((scanned) => sql.parse(scanned))
    const host = {
      prepared: preparedStatements(),
      cursors,
      encoding: () => ({ kind: 'jsonRows' }) as const,
      onWritten: (count: number) => {
        rowCount += count
        entry.addRows(count)
      },
    }
    for await (const result of runSteps(scope, statements, { host, prefix: '' })) {
      // Nobody takes a scheduled query's rows, but to compute them may be to fail.
      if (result.kind === 'rows') await drain(result.rows)
    }
    await metadata.transaction((tx) =>
      lease.finish(tx, { statementCount: statements.length, rowCount, notices }),
    )
    await scope.temporaries.clear(({ id }) => services.datasets.delete(caller, id))
    await entry.end({})
  } catch (error) {
    await entry.end({ error, isStopped: signal.aborted })
    throw error
  }
  return 'finished'
}

async function drain(rows: ResultRows): Promise<void> {
  while ((await rows.pull(pullLimit)).state === 'more');
}
