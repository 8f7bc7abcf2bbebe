import { createAlerts } from './alerts.ts'
import { queryOfCopy } from './statements/copy.ts'
import { focusOf } from './names/focus.ts'
import { Gate } from './gate.ts'
import { removeLeftTables } from './background/left-tables.ts'
import type { QueryService } from './query.ts'
import { QueryLog } from './background/query-log.ts'
import { requireSources } from './require-sources.ts'
import { resolveText } from './background/resolve-text.ts'
import { runEnded } from './background/run-ended.ts'
import { createKeptResults } from './background/kept-results.ts'
import { runQuery } from './background/run-query.ts'
import { resultKind, runResult } from './background/run-result.ts'
import { createSchedules } from './background/schedules.ts'
import type { QueryServiceOptions } from './services.ts'
import { createScheduledWriters } from './scheduled-writers.ts'
import { Session } from './session.ts'
import { createQueries, queryKind } from './background/submitted-queries.ts'
import { startTellingOfWaiting } from './background/tell-waiting.ts'
import { createTemplates } from './background/templates.ts'

export type { QueryServiceOptions } from './services.ts'

/** Statements of one principal that may wait for a turn. */
const waitingMax = 100
const parallelRunsMax = 2

/** Registers the job kind `query`. */
export function createQueryService(services: QueryServiceOptions): QueryService {
  const { access, jobs, limits } = services
  const gate = new Gate({ insideMax: limits.statementsMax, waitingMax })
  const log = new QueryLog(services)
  const shared = { services, gate, log, viewColumns: new Map() }
  jobs.register({
    kind: queryKind,
    parallelRunsMax,
    run: (context) => runQuery(shared, context),
    ended: (tx, run) => runEnded(services, tx, run),
  })
  jobs.register({
    kind: resultKind,
    parallelRunsMax,
    run: (context) => runResult(shared, context),
  })
  return {
    openSession: async (options) => {
      const { caller, permission = 'manage-queries' } = options
      await access.require({ principal: caller.principal, permission, sandboxId: caller.sandbox.id })
      const [focus] = await Promise.all([focusOf(services, options), services.shadow.ready()])
      return new Session({ ...shared, focus }, options)
    },
    queries: createQueries(services, log),
    schedules: createSchedules(services),
    templates: createTemplates(services),
    alerts: createAlerts(services),
    results: createKeptResults(services),
    writers: createScheduledWriters(services),
    textOf: async (caller, request) => (await resolveText(services, caller, request)).text,
    removeLeftTables: () => removeLeftTables(services),
    scratch: {
      ...services.scratch,
      open: async (caller, id, fileName) => {
        await requireSources(services, caller, queryOfCopy(id))
        return await services.scratch.open(caller, id, fileName)
      },
    },
    failLeftQueries: () => log.failLeft(),
    start: async () => {
      await using started = new AsyncDisposableStack()
      started.use(await log.start())
      started.use(startTellingOfWaiting(services))
      return started.move()
    },
  }
}
