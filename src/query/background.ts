import type { RunId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { QueryFilter } from '#metadata/query.ts'
import type { TemplateFilter } from '#metadata/query-templates.ts'
import type { RunFilter, ScheduleFilter } from '#metadata/scheduled-queries.ts'
import type { PageOf, TimePage } from '#metadata/page.ts'
import type { ErrorCode } from '#base/errors.ts'

export type { PageOf, TimePage } from '#metadata/page.ts'
export type { QueryFilter, RunFilter, ScheduleFilter, TemplateFilter }

/** What is to run without anybody waiting for its rows. */
export interface QueryRequest {
  readonly name?: string | undefined
  readonly description?: string | undefined
  /** The part after `prod:`. */
  readonly database: string
  /** This, or a template's. */
  readonly sql?: string | undefined
  readonly templateId?: string | undefined
  /** Of `$key` placeholders; they go before the template's own. */
  readonly parameters: Readonly<Record<string, string>>
  /** A SELECT's rows become a new table; of a schedule's later runs they are appended to it. */
  readonly ctas?:
    | {
        readonly datasetName: string
        readonly description?: string | undefined
        readonly targetSchemaTitle?: string | undefined
      }
    | undefined
  /** A SELECT's rows are appended to a table. */
  readonly insertInto?: { readonly datasetName: string } | undefined
}

export interface ListOptions<Filter> {
  readonly page: TimePage
  readonly order: 'created' | 'updated'
  readonly filters: readonly Filter[]
}

export type QueryState = 'SUBMITTED' | 'IN_PROGRESS' | 'SUCCESS' | 'FAILED' | 'KILLED' | 'TIMEOUT'

/** A query as the log knows it: one that was submitted, a schedule's, or a statement of a session. */
export interface LoggedQuery {
  readonly id: string
  readonly sql: string
  /** What was really run. */
  readonly effectiveSql: string | undefined
  readonly request: QueryRequest | undefined
  readonly state: QueryState
  readonly output: 'ctas' | 'insert' | undefined
  readonly client: string
  readonly userId: string
  readonly userName: string
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly elapsedMs: number
  readonly rowCount: number
  readonly templateId: string | undefined
  readonly templateName: string | undefined
  readonly scheduleId: string | undefined
  readonly scheduleRunId: string | undefined
  readonly referencedDatasets: readonly string[]
  readonly createdDataset: string | undefined
  /** Where the last COPY of it has put its rows. */
  readonly copyUri: string | undefined
  readonly isDeleted: boolean
  readonly error: { readonly code: ErrorCode; readonly message: string } | undefined
}

/** Submitting needs 'batch-queries', all else 'manage-queries'. */
export interface Queries {
  /** @throws AppError 'query.syntax', 'query.parameters' before anything is stored */
  submit(caller: Caller, request: QueryRequest): Promise<LoggedQuery>
  /** @throws AppError 'query.unknown' */
  get(caller: Caller, id: string): Promise<LoggedQuery>
  list(
    caller: Caller,
    options: ListOptions<QueryFilter> & { readonly withDeleted: boolean; readonly withHidden: boolean },
  ): Promise<PageOf<LoggedQuery>>
  /** @throws AppError 'query.ended' */
  cancel(caller: Caller, id: string): Promise<void>
  /** Out of lists; by its id it can still be read. @throws AppError 'query.ended' while it runs */
  softDelete(caller: Caller, id: string): Promise<void>
}

export interface QueryTiming {
  /** Five fields, or `@once`: at `startAt`. */
  readonly cron: string
  readonly startAt: Date
  readonly endAt?: Date | undefined
  /** Whose wall clocks the cron expression means; absent: UTC. */
  readonly timeZone?: string | undefined
  /** Failures one after the other after which it is disabled; absent: never. */
  readonly quarantineAfter?: number | undefined
}

export interface QuerySchedule {
  readonly id: string
  readonly request: QueryRequest
  /** With templates and parameters filled in, as they were when it was made: what a run runs. */
  readonly sql: string
  readonly templateName: string | undefined
  readonly timing: QueryTiming
  /** When it comes next; undefined: never, or it is disabled. */
  readonly nextAt: Date | undefined
  readonly isEnabled: boolean
  readonly isQuarantined: boolean
  readonly failureCount: number
  readonly userId: string
  readonly updatedBy: string
  readonly createdAt: Date
  readonly updatedAt: Date
}

export interface ScheduleChange {
  readonly isEnabled?: boolean
  readonly timing?: Partial<Pick<QueryTiming, 'cron' | 'startAt' | 'endAt' | 'timeZone' | 'quarantineAfter'>>
}

export interface ScheduleRun {
  /** As the reference platform writes them: base64 of why and when. */
  readonly id: string
  readonly runId: RunId
  readonly scheduleId: string
  readonly state: 'QUEUED' | 'QUEUED_FOR_RETRY' | 'IN_PROGRESS' | 'SUCCESS' | 'FAILED'
  readonly isCancelled: boolean
  /** By hand; else at the tick. */
  readonly isManual: boolean
  readonly tick: Date
  readonly triggeredBy: string
  readonly attempts: number
  readonly createdAt: Date
  readonly startedAt: Date | undefined
  readonly finishedAt: Date | undefined
  readonly error: { readonly code: ErrorCode; readonly message: string } | undefined
  /** Its entry in the log, from its first attempt on. */
  readonly queryId: string | undefined
  readonly did:
    | { readonly rowCount: number; readonly statementCount: number; readonly notices: readonly string[] }
    | undefined
}

/** Schedules run as who made them, one run at a time. What changes or triggers needs 'batch-queries'. */
export interface Schedules {
  create(
    caller: Caller,
    schedule: { readonly request: QueryRequest; readonly timing: QueryTiming },
  ): Promise<QuerySchedule>
  /** @throws AppError 'query.unknown', as all that follow */
  get(caller: Caller, id: string): Promise<QuerySchedule>
  list(caller: Caller, options: ListOptions<ScheduleFilter>): Promise<PageOf<QuerySchedule>>
  /** @throws AppError 'request.invalid' when it is so already */
  change(caller: Caller, id: string, change: ScheduleChange): Promise<QuerySchedule>
  /** @throws AppError 'request.invalid' while it is enabled or a run is under way */
  delete(caller: Caller, id: string): Promise<void>
  /** Makes a run now. @throws AppError 'request.invalid' when it is disabled */
  trigger(caller: Caller, id: string): Promise<ScheduleRun>
  runs(
    caller: Caller,
    id: string,
    options: Omit<ListOptions<RunFilter>, 'order'>,
  ): Promise<PageOf<ScheduleRun>>
  run(caller: Caller, id: string, runId: string): Promise<ScheduleRun>
  /** @throws AppError 'query.ended' */
  cancelRun(caller: Caller, id: string, runId: string): Promise<void>
}

export interface NewTemplate {
  readonly name: string
  readonly sql: string
  readonly parameters: Readonly<Record<string, string>>
}

export interface Template extends NewTemplate {
  readonly id: string
  readonly userId: string
  readonly lastUpdatedBy: string
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** Saved texts. Their names are unique in a sandbox: `#NAME` stands for the text in others. Needs 'manage-queries'. */
export interface Templates {
  /** @throws AppError 'query.exists' */
  create(caller: Caller, template: NewTemplate): Promise<Template>
  /** @throws AppError 'query.unknown', as all that follow */
  get(caller: Caller, id: string): Promise<Template>
  list(caller: Caller, options: ListOptions<TemplateFilter>): Promise<PageOf<Template>>
  count(caller: Caller, filters: readonly TemplateFilter[]): Promise<number>
  replace(caller: Caller, id: string, template: NewTemplate): Promise<Template>
  delete(caller: Caller, id: string): Promise<void>
}
