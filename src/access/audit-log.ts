import { AppError } from '#base/errors.ts'
import type { SandboxId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import { selectOpenSandboxes } from '#metadata/access.ts'
import {
  type AuditCondition,
  type AuditEventRow,
  type AuditFilter,
  countAudit,
  selectAudit,
} from '#metadata/audit.ts'
import { selectSandboxNames } from '#metadata/sandboxes.ts'
import type { Access, Caller } from './access.ts'
import { type ChainOptions, sealAudit } from './audit-chain.ts'
import { expireAudit } from './audit-expiry.ts'
import { type AuditReport, verifyAudit } from './audit-verify.ts'
import { subjectIdOf } from './administration.ts'
import { givenBy } from './permissions.ts'

const sealEveryMs = 2_000
export const auditPageMax = 1_000
export const auditExportMax = 100_000

export interface AuditQuery {
  /** `action==create`: all must hold. */
  readonly properties: readonly string[]
  readonly isAscending: boolean
  readonly limit: number
  readonly start: number
}

export interface AuditEvent {
  readonly id: string
  readonly timestamp: string
  readonly userName: string | undefined
  readonly userEmail: string | undefined
  readonly userId: string | undefined
  readonly action: string
  readonly assetType: string
  readonly assetId: string
  readonly status: 'Allow' | 'Deny'
  readonly permission: string | undefined
  readonly sandboxId: string | undefined
  readonly sandboxName: string | undefined
  readonly requestId: string | undefined
  readonly address: string | undefined
  readonly detail: unknown
}

/** What was done, and that it is still as it was written. */
export interface AuditLog {
  /**
   * Events of the sandboxes where the asker has `view-user-activity-log`, and of the organisation.
   * @throws AppError 'request.invalid' for a filter that is none
   */
  events(
    asker: Caller,
    query: AuditQuery,
  ): Promise<{ readonly events: readonly AuditEvent[]; readonly total: number }>
  /** As `events`, for taking away: on record. */
  exportEvents(asker: Caller, query: AuditQuery): Promise<readonly AuditEvent[]>
  verify(asker: Caller): Promise<AuditReport>
  /**
   * Deletes what is older than the retention, on record. Asks for no permission.
   * @param by who asks; absent: the server itself
   * @returns how many entries were deleted
   * @throws AppError 'verify.failed' where they are not what was sealed: they stay
   */
  expire(by?: Caller): Promise<number>
  /** Seals now and then until disposed. */
  start(): AsyncDisposable
}

export interface AuditLogOptions extends ChainOptions {
  readonly access: Access
  readonly logger: Logger
}

export function createAuditLog(options: AuditLogOptions): AuditLog {
  const { metadata, access, clock, logger } = options

  async function filterFor(asker: Caller, query: AuditQuery) {
    const { principal, sandbox } = asker
    const permission = 'view-user-activity-log'
    const question = { principal, sandboxId: sandbox.id } as const
    await access.require({ ...question, permission })
    const names = await selectSandboxNames(metadata.db, principal.organizationId)
    const isAdministrator = (await access.decide({ ...question, permission: 'administer-organization' }))
      .isAllowed
    const open = await selectOpenSandboxes(metadata.db, principal.id, givenBy(permission))
    const openNames = new Set(open.map(({ name }) => name))
    // What was done before a reset was done in a sandbox of the same name.
    const visible = [...names].filter(([, name]) => isAdministrator || openNames.has(name))
    const filter: AuditFilter = {
      organizationId: principal.organizationId,
      sandboxIds: visible.map(([id]) => id),
      conditions: query.properties.flatMap((text) => conditionOf(text, names)),
      isAscending: query.isAscending,
      limit: query.limit,
      start: query.start,
    }
    return { filter, names }
  }

  return {
    events: async (asker, query) => {
      const { filter, names } = await filterFor(asker, {
        ...query,
        limit: Math.min(query.limit, auditPageMax),
      })
      const rows = await selectAudit(metadata.db, filter)
      return { events: rows.map((row) => eventOf(row, names)), total: await countAudit(metadata.db, filter) }
    },
    exportEvents: async (asker, query) => {
      const { filter, names } = await filterFor(asker, {
        ...query,
        limit: Math.min(query.limit, auditExportMax),
      })
      const rows = await selectAudit(metadata.db, filter)
      await access.audit({
        principalId: asker.principal.id,
        sandboxId: asker.sandbox.id,
        action: 'download',
        assetType: 'Audit Log',
        assetId: 'events',
        status: 'Allow',
        detail: { count: rows.length, properties: query.properties },
      })
      return rows.map((row) => eventOf(row, names))
    },
    verify: async ({ principal, sandbox }) => {
      await access.require({ principal, permission: 'view-user-activity-log', sandboxId: sandbox.id })
      await sealAudit(options)
      return await verifyAudit(options)
    },
    expire: async (by) => await expireAudit({ ...options, by }),
    start: () => {
      const controller = new AbortController()
      const { signal } = controller
      const seal = async () => {
        try {
          await sealAudit(options)
        } catch (error) {
          // The entries wait in their queue for the next time.
          logger.log('warn', 'audit.seal_failed', { error })
        }
      }
      const loop = async () => {
        while (!signal.aborted) {
          await seal()
          await clock.sleep(sealEveryMs, signal).catch(() => {}) // Aborted: the loop ends.
        }
        await seal()
      }
      const ended = loop()
      return {
        [Symbol.asyncDispose]: async () => {
          controller.abort()
          await ended
        },
      }
    },
  }
}

const columns = {
  timestamp: 'at',
  action: 'action',
  assettype: 'asset_type',
  assetid: 'asset_id',
  status: 'status',
  user: 'principal_id',
  userid: 'principal_id',
  sandboxname: 'sandbox_id',
  sandboxid: 'sandbox_id',
  requestid: 'request_id',
} as const satisfies Record<string, AuditCondition['column']>

const none = '00000000-0000-0000-0000-000000000000'

function conditionOf(text: string, names: ReadonlyMap<SandboxId, string>): AuditCondition[] {
  const [, name = '', sign = '', value = ''] = /^(\w+)(==|!=|<=|>=|<|>)(.*)$/s.exec(text) ?? []
  const key = name.toLowerCase()
  if (!isColumn(key)) {
    throw new AppError(
      'request.invalid',
      `property: action==… was expected, ${JSON.stringify(text.slice(0, 80))} came.`,
      {
        hint: `There are ${Object.keys(columns).join(', ')}.`,
      },
    )
  }
  const column = columns[key]
  const operator = sign === '==' ? '=' : (sign as AuditCondition['operator'])
  if (column === 'at') {
    const at = new Date(/^\d+$/.test(value) ? Number(value) : value)
    if (Number.isNaN(at.getTime()))
      throw new AppError('request.invalid', `${JSON.stringify(value)} is no time.`)
    return [{ column, operator, value: at.toISOString() }]
  }
  if (operator !== '=' && operator !== '!=') {
    throw new AppError('request.invalid', `${name} is compared by == or !=.`)
  }
  if (key === 'sandboxname') {
    const id = [...names].find(([, known]) => known === value)?.[0]
    return [{ column, operator, value: id ?? none }]
  }
  return [{ column, operator, value: column === 'principal_id' ? uuidOf(value) : value.replaceAll('\0', '') }]
}

function isColumn(key: string): key is keyof typeof columns {
  return Object.hasOwn(columns, key)
}

/** `0F3C…@AdobeID` as it is stored. */
function uuidOf(text: string): string {
  const hex = /^([0-9a-f]{32})@/i.exec(text)?.[1]?.toLowerCase()
  return hex?.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') ?? text.replaceAll('\0', '')
}

function eventOf(row: AuditEventRow, names: ReadonlyMap<SandboxId, string>): AuditEvent {
  const detail = row.detail as { readonly permission?: unknown } | null
  const permission = detail?.permission
  return {
    id: row.id,
    timestamp: row.at.toISOString(),
    userName: row.principal_name ?? undefined,
    userEmail: row.principal_email ?? undefined,
    userId: row.principal_id === null ? undefined : subjectIdOf(row.principal_id),
    action: titled(row.action),
    assetType: titled(row.asset_type),
    assetId: row.asset_id,
    status: row.status,
    permission: typeof permission === 'string' ? permission : undefined,
    sandboxId: row.sandbox_id ?? undefined,
    sandboxName: row.sandbox_id === null ? undefined : names.get(row.sandbox_id),
    requestId: row.request_id ?? undefined,
    address: row.address ?? undefined,
    detail,
  }
}

function titled(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
