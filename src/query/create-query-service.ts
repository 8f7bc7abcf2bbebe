import { createAlerts } from './alerts.ts'
import { queryOfCopy } from './copy.ts'
import { focusOf } from './focus.ts'
import { Gate } from './gate.ts'
import { removeLeftTables } from './left-tables.ts'
import type { QueryService } from './query.ts'
import { QueryLog } from './query-log.ts'
import { requireSources } from './require-sources.ts'
import { resolveText } from './resolve-text.ts'
import { runEnded } from './run-ended.ts'
import { createKeptResults } from './kept-results.ts'
import { runQuery } from './run-query.ts'
import { resultKind, runResult } from './run-result.ts'
import { createSchedules } from './schedules.ts'
import type { QueryServiceOptions } from './services.ts'
import { createScheduledWriters } from './scheduled-writers.ts'
import { Session } from './session.ts'
import { createQueries, queryKind } from './submitted-queries.ts'
import { createTemplates } from './templates.ts'

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
    start: () => log.start(),
  }
}
