import { z } from 'zod'
import { type AuditEvent, auditExportMax, auditPageMax, type AuditQuery } from '#access/audit-log.ts'
import { AppError } from '#base/errors.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'

const tags = ['Audit']
const config = guarded('access', 'view-user-activity-log')
const absentWhenEmpty = (value: unknown) => (value === '' ? undefined : value)

const query = z.looseObject({
  property: z
    .preprocess(
      (value) => (Array.isArray(value) ? value : [value]).filter((text) => text !== '' && text !== undefined),
      z.array(z.string().max(300)).max(20),
    )
    .optional()
    .describe('`action==create`, repeatable: all must hold'),
  limit: z.preprocess(absentWhenEmpty, z.coerce.number().int().min(1).max(auditPageMax).default(50)),
  start: z.preprocess(absentWhenEmpty, z.coerce.number().int().min(0).max(1_000_000).default(0)),
  orderBy: z.preprocess(absentWhenEmpty, z.string().max(50).default('-timestamp')),
  queryId: z.string().max(100).optional(),
})

/** `/data/foundation/audit`: what was done and refused, newest first. */
export async function auditRoutes(app: App, { auditLog }: HttpDependencies): Promise<void> {
  app.get(
    '/events',
    {
      config,
      schema: {
        tags,
        summary: 'List audit events',
        querystring: query,
        response: { 200: z.looseObject({ _embedded: z.object({ events: z.array(z.looseObject({})) }) }) },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const asked = auditQuery(request.query)
      const { events, total } = await auditLog.events(caller, asked)
      const { limit, start } = asked
      const at = (from: number) => ({ href: `/data/foundation/audit/events?${search(asked, from)}` })
      return {
        _embedded: { events: events.map((event) => eventDocument(caller, event)) },
        _links: {
          self: at(start),
          ...(start + events.length < total ? { next: at(start + limit) } : {}),
          page: { href: '/data/foundation/audit/events?limit={limit}&start={start}', templated: true },
        },
        _page: { start, limit, count: events.length, total },
        ...(request.query.queryId === undefined ? {} : { queryId: request.query.queryId }),
      }
    },
  )
  app.get(
    '/export',
    {
      config,
      schema: {
        tags,
        summary: 'Where the events are as CSV',
        querystring: query,
        response: { 204: z.undefined(), 307: z.undefined() },
      },
    },
    async (request, reply) => {
      const asked = auditQuery(request.query)
      const { total } = await auditLog.events(callerOf(request), { ...asked, limit: 1 })
      if (total === 0) return await reply.code(204).send()
      void reply.header('location', `/data/foundation/audit/export/events.csv?${search(asked, asked.start)}`)
      return await reply.code(307).send()
    },
  )
  app.get(
    '/export/events.csv',
    { config, schema: { tags, summary: 'Audit events as CSV', querystring: query } },
    async (request, reply) => {
      const caller = callerOf(request)
      const asked = { ...auditQuery(request.query), limit: auditExportMax }
      const events = await auditLog.exportEvents(caller, asked)
      const rows = events.map((event) => eventDocument(caller, event))
      const lines = [
        csvColumns.join(','),
        ...rows.map((row) => csvColumns.map((name) => csvField(row[name])).join(',')),
      ]
      return await reply
        .type('text/csv; charset=utf-8; header=present')
        .header('content-disposition', 'attachment; filename="audit-events.csv"')
        .send(`${lines.join('\r\n')}\r\n`)
    },
  )
}

function auditQuery({ property = [], limit, start, orderBy }: z.infer<typeof query>): AuditQuery {
  if (!/^[+-]?timestamp$/.test(orderBy)) {
    throw new AppError('request.invalid', 'Events are ordered by timestamp or -timestamp.')
  }
  return { properties: property, limit, start, isAscending: !orderBy.startsWith('-') }
}

function search({ properties, limit, isAscending }: AuditQuery, start: number): string {
  const parameters = new URLSearchParams(properties.map((text): [string, string] => ['property', text]))
  parameters.set('limit', String(limit))
  parameters.set('start', String(start))
  parameters.set('orderBy', isAscending ? 'timestamp' : '-timestamp')
  return parameters.toString()
}

const csvColumns = [
  'timestamp',
  'userEmail',
  'userName',
  'action',
  'assetType',
  'assetId',
  'status',
  'permissionType',
  'sandboxName',
  'imsOrgId',
  'requestId',
  'userIpAddresses',
  'id',
] as const

/** Quoted where it must be; what a spreadsheet would take for a formula is told apart. */
function csvField(value: unknown): string {
  const text = [value ?? ''].flat().map(String).join(' ')
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}

function eventDocument({ principal }: ReturnType<typeof callerOf>, event: AuditEvent) {
  const { permission, address, sandboxId, sandboxName, detail, userId, userName, ...rest } = event
  return {
    ...rest,
    userEmail: event.userEmail ?? userName ?? '',
    userName: userName ?? '',
    userId: userId ?? '',
    assetName: nameIn(detail) ?? event.assetId,
    failureCode: event.status === 'Deny' ? '403' : '',
    permissionResource: event.assetType,
    permissionType: permission ?? '',
    imsOrgId: principal.organizationId,
    sandboxName: sandboxName ?? '',
    sandboxId: sandboxId ?? '',
    region: 'VA7',
    requestId: event.requestId ?? '',
    authId: userId ?? '',
    version: '1.0',
    userIpAddresses: address === undefined ? [] : [address],
    enhancedEvents: [detail],
  }
}

/** Where who wrote it down knew what it is called. */
function nameIn(detail: unknown): string | undefined {
  const name = (detail as { readonly assetName?: unknown } | null)?.assetName
  return typeof name === 'string' ? name : undefined
}
