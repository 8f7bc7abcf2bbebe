import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { type Alert, type AlertType, alertTypes } from '#query/alerts.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { base } from './query-document.ts'
import { orNull } from './request.ts'
import { accepted, acceptedShape } from './shapes.ts'

const tags = ['Query Service']
const view = guarded('query', 'view-alerts')
const manage = guarded('query', 'manage-alerts')
const alertType = z.enum(alertTypes)
const params = z.object({ assetId: z.string().max(100) })
const typeParams = params.extend({ alertType })
const path = `${base}/alert-subscriptions`
const pageSizeMax = 50
const emailsMax = 5
const delayMinutesMax = 1_440

const email = z.email().max(254)
const whenAny = (value: unknown) => (value === '' ? undefined : value)

const wish = z
  .boolean()
  .nullish()
  .transform((isWanted) => isWanted ?? true)

const newAlert = z.looseObject({
  assetId: z.string().max(100).describe('Of a schedule, a query or a flow'),
  alertType: alertType.describe(
    '`delay` is not for single queries, `quarantine` for schedules, `skipped` and later ones for flows',
  ),
  subscriptions: z.looseObject({
    emailIds: z.array(email).min(1).max(emailsMax),
    inContextNotifications: wish.describe('In the list of GET /sluice/v1/notifications'),
    emailNotifications: wish.describe('By mail, where a mail server is set'),
  }),
  delayMinutes: orNull(z.int().min(1).max(delayMinutesMax)).describe(
    'After how long a run is late; by default 15, of exports 150',
  ),
  skippedPercent: orNull(z.number().min(0).max(100)).describe(
    'Of `skipped`: when more of the rows than that are left out; by default 1',
  ),
})

const listQuery = z.object({
  page: z.preprocess(whenAny, z.coerce.number().int().min(0).max(1_000_000).default(0)),
  pageSize: z.preprocess(whenAny, z.coerce.number().int().min(1).max(pageSizeMax).optional()),
  pagesize: z.preprocess(whenAny, z.coerce.number().int().min(1).max(pageSizeMax).optional()),
  orderby: z
    .preprocess(whenAny, z.stringFormat('order', /^(?:[-+ ]|%2B)?created$/i).default('created'))
    .describe('`created`, with `-` before it for newest first'),
  property: z
    .preprocess(whenAny, z.string().max(1_000).optional())
    .describe('`assetId==…`, `alertType==…`, `status==…`, with commas'),
})

const alertShape = z.looseObject({
  id: z.string(),
  assetId: z.string(),
  status: z.enum(['enabled', 'enabling', 'disabled', 'disabling']),
  alertType,
})
const listAnswer = z.looseObject({
  alerts: z.array(alertShape),
  _page: z.looseObject({ count: z.number() }),
  _links: z.looseObject({}),
  version: z.literal(1),
})

export function addAlerts(app: App, { query: { alerts } }: HttpDependencies): void {
  app.get(
    '/alert-subscriptions',
    {
      config: view,
      schema: { tags, summary: 'List alerts', querystring: listQuery, response: { 200: listAnswer } },
    },
    async (request) => {
      const asked = pageOf(request.query)
      const found = await alerts.list(callerOf(request), reachOf(asked.property), rowsOf(asked))
      return listDocument(found, asked, path)
    },
  )
  app.post(
    '/alert-subscriptions',
    {
      config: manage,
      schema: {
        tags,
        summary: 'Subscribe to what happens to a schedule or a query',
        description: 'Who subscribes to an alert that is there is added to it.',
        body: newAlert,
        response: { 200: alertShape },
      },
    },
    async (request) => {
      const { assetId, subscriptions, delayMinutes, skippedPercent, ...wanted } = request.body
      const made = await alerts.subscribe(callerOf(request), {
        assetId,
        alertType: wanted.alertType,
        emails: subscriptions.emailIds,
        isInProduct: subscriptions.inContextNotifications,
        isByEmail: subscriptions.emailNotifications,
        delayMinutes,
        skippedPercent,
      })
      return alertDocument(made)
    },
  )
  app.get(
    '/alert-subscriptions/user-subscriptions/:email',
    {
      config: view,
      schema: {
        tags,
        summary: 'What somebody has subscribed to',
        params: z.object({ email: z.string().max(254) }),
        querystring: listQuery,
        response: { 200: z.looseObject({ items: z.array(alertShape), version: z.literal(1) }) },
      },
    },
    async (request) => {
      const { email } = request.params
      const asked = pageOf(request.query)
      const reach = { ...reachOf(asked.property), email }
      const found = await alerts.list(callerOf(request), reach, rowsOf(asked))
      const own = `${path}/user-subscriptions/${encodeURIComponent(email)}`
      const { alerts: _alerts, ...rest } = listDocument(found, asked, own)
      return { items: found.slice(0, asked.size).map((alert) => userDocument(alert, email)), ...rest }
    },
  )
  app.get(
    '/alert-subscriptions/:assetId',
    {
      config: view,
      schema: { tags, summary: 'Alerts of a schedule or query', params, response: { 200: listAnswer } },
    },
    async (request) => {
      const { assetId } = request.params
      const found = await alerts.ofAsset(callerOf(request), assetId)
      return listDocument(found, wholePage, path)
    },
  )
  addAlert(app, alerts)
}

function addAlert(app: App, alerts: HttpDependencies['query']['alerts']): void {
  app.get(
    '/alert-subscriptions/:assetId/:alertType',
    {
      config: view,
      schema: { tags, summary: 'Read an alert', params: typeParams, response: { 200: listAnswer } },
    },
    async (request) => {
      const { assetId, alertType } = request.params
      const found = await alerts.ofAsset(callerOf(request), assetId, alertType)
      return listDocument(found, wholePage, path)
    },
  )
  app.patch(
    '/alert-subscriptions/:assetId/:alertType',
    {
      config: manage,
      schema: {
        tags,
        summary: 'Enable or disable an alert',
        params: typeParams,
        body: z.looseObject({
          op: z.literal('replace'),
          path: z.literal('/status'),
          value: z.enum(['enable', 'disable']),
        }),
        response: { 200: alertShape },
      },
    },
    async (request) => {
      const changed = await alerts.setEnabled(
        callerOf(request),
        request.params,
        request.body.value === 'enable',
      )
      const { id, assetId, alertType, status } = alertDocument(changed)
      return { id, assetId, alertType, status }
    },
  )
  app.delete(
    '/alert-subscriptions/:assetId/:alertType',
    {
      config: manage,
      schema: { tags, summary: 'Delete an alert', params: typeParams, response: { 202: acceptedShape } },
    },
    async (request, reply) => {
      await alerts.delete(callerOf(request), request.params)
      return await reply.code(202).send(accepted('Deleted'))
    },
  )
}

/** @throws AppError 'request.invalid' */
function reachOf(property: string | undefined) {
  const reach: { assetId?: string; alertType?: AlertType; isEnabled?: boolean } = {}
  for (const text of (property ?? '').split(',').filter((one) => one !== '')) {
    const [, name, value = ''] = /^(\w+)==(.*)$/.exec(text.trim()) ?? []
    const type = alertTypes.find((one) => one === value)
    if (name === 'assetId') reach.assetId = uuidOrNone(value)
    else if (name === 'alertType' && type) reach.alertType = type
    else if (name === 'status' && (value === 'enabled' || value === 'disabled')) {
      reach.isEnabled = value === 'enabled'
    } else {
      throw new AppError('request.invalid', `property: ${JSON.stringify(text)} is no filter here.`, {
        hint: 'There are assetId==, alertType== and status==.',
      })
    }
  }
  return reach
}

/** What is no id is nobody's. */
function uuidOrNone(text: string): string {
  return z.uuid().safeParse(text).success ? text : '00000000-0000-0000-0000-000000000000'
}

interface AskedPage {
  readonly page: number
  readonly size: number
  readonly orderby: string
  readonly property?: string | undefined
}

const wholePage: AskedPage = { page: 0, size: pageSizeMax, orderby: 'created' }

function pageOf({ page, pageSize, pagesize, orderby, property }: z.output<typeof listQuery>): AskedPage {
  return { page, size: pageSize ?? pagesize ?? pageSizeMax, orderby, property }
}

/** One more than the page has tells whether there is another. */
function rowsOf({ page, size, orderby }: AskedPage) {
  return { limit: size + 1, offset: page * size, isDescending: orderby.startsWith('-') }
}

function listDocument(found: readonly Alert[], { page, size, orderby, property }: AskedPage, own: string) {
  const shown = found.slice(0, size)
  const filter = property === undefined ? {} : { property }
  const next = new URLSearchParams({ page: `${page + 1}`, pageSize: `${size}`, orderby, ...filter })
  return {
    alerts: shown.map(alertDocument),
    _page: { orderby, page, count: shown.length, pageSize: size, ...filter },
    _links: found.length > size ? { next: { href: `${own}?${next.toString()}` } } : {},
    version: 1 as const,
  }
}

function alertDocument(alert: Alert) {
  const { id, assetId, alertType, isEnabled, subscribers, delayMinutes, skippedPercent } = alert
  const self = `${path}/${assetId}/${alertType}`
  return {
    id: `query_service_flow_run_${alertType}-${id}`,
    assetId,
    status: isEnabled ? ('enabled' as const) : ('disabled' as const),
    alertType,
    ...(delayMinutes === undefined ? {} : { delayMinutes }),
    ...(skippedPercent === undefined ? {} : { skippedPercent }),
    subscriptions: {
      emailIds: subscribers.map((one) => one.email),
      inContextNotifications: subscribers.some((one) => one.isInProduct),
      emailNotifications: subscribers.some((one) => one.isByEmail),
    },
    _links: {
      self: { href: self, method: 'GET' },
      subscribe: { href: path, method: 'POST' },
      patch_status: { href: self, method: 'PATCH' },
      get_list_of_subscribers_by_alert_type: { href: self, method: 'GET' },
      delete: { href: self, method: 'DELETE' },
    },
  }
}

function userDocument(alert: Alert, email: string) {
  const own = alert.subscribers.find((one) => one.email === email.toLowerCase())
  return {
    ...alertDocument(alert),
    name: alert.assetName,
    subscriptions: {
      inContextNotifications: own?.isInProduct ?? false,
      emailNotifications: own?.isByEmail ?? false,
    },
  }
}
