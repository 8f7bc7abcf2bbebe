import { type ErrorCode, meanings } from '#base/errors.ts'
import type { Caller } from '#datasets/datasets.ts'
import { type QueryLogRow, selectQueryLog } from '#metadata/query.ts'
import { focusOf } from './focus.ts'
import { Gate } from './gate.ts'
import type { QueryLogEntry, QueryService } from './query.ts'
import { removeLeftTables } from './left-tables.ts'
import { QueryLog } from './query-log.ts'
import { runScheduled } from './run-scheduled.ts'
import {
  createScheduledQuery,
  listScheduledQueries,
  runScheduledQuery,
  scheduledQueryKind,
} from './scheduled-queries.ts'
import type { QueryServiceOptions } from './services.ts'
import { Session } from './session.ts'

export type { QueryServiceOptions } from './services.ts'

/** Statements of one principal that may wait for a turn. */
const waitingMax = 100
const parallelRunsMax = 2
const logLengthMax = 1_000

/** Registers the job kind `query`. */
export function createQueryService(services: QueryServiceOptions): QueryService {
  const { access, jobs, metadata, limits, clock } = services
  const gate = new Gate({ insideMax: limits.statementsMax, waitingMax })
  const log = new QueryLog(services)
  const shared = { services, gate, log, viewColumns: new Map() }
  jobs.register({
    kind: scheduledQueryKind,
    parallelRunsMax,
    run: (context) => runScheduled(shared, context),
  })
  const require = async (caller: Caller, permission: 'manage-queries') => {
    await access.require({ principal: caller.principal, permission, sandboxId: caller.sandbox.id })
  }
  return {
    openSession: async (options) => {
      await require(options.caller, 'manage-queries')
      const [focus] = await Promise.all([focusOf(services, options), services.shadow.ready()])
      return new Session({ ...shared, focus }, options)
    },
    createScheduledQuery: (caller, query) => createScheduledQuery(services, caller, query),
    runScheduledQuery: (caller, id) => runScheduledQuery(services, caller, id),
    scheduledQueries: (caller) => listScheduledQueries(services, caller),
    removeLeftTables: () => removeLeftTables(services),
    log: async (caller, { limit }) => {
      await require(caller, 'manage-queries')
      const rows = await selectQueryLog(metadata.db, caller.sandbox.id, Math.min(limit, logLengthMax))
      return rows.map((row) => entryOf(row, clock.now()))
    },
  }
}

function entryOf(row: QueryLogRow, now: Date): QueryLogEntry {
  const end = row.state === 'IN_PROGRESS' ? now : row.updated_at
  return {
    id: row.id,
    sql: row.sql,
    state: row.state,
    client: row.client,
    principalName: row.principal_name,
    createdAt: row.created_at,
    elapsedMs: Math.max(0, end.getTime() - row.created_at.getTime()),
    rowCount: Number(row.row_count),
    ...(row.code === null ? {} : { error: { code: codeOf(row.code), message: row.message ?? '' } }),
  }
}

/** A code of a newer version is still a failure. */
function codeOf(code: string): ErrorCode {
  return Object.hasOwn(meanings, code) ? (code as ErrorCode) : 'internal'
}
