import { z } from 'zod'
import type { SandboxDetails } from '#access/sandbox-admin.ts'
import { AppError } from '#base/errors.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded, signedIn } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'

const tags = ['Sandboxes']
const view = guarded('sandbox', 'view-sandboxes')
const manage = guarded('sandbox', 'manage-sandboxes')
const params = z.object({ name: z.string().max(100) })
const sandbox = z.looseObject({ id: z.string(), name: z.string(), state: z.string() })
const list = z.looseObject({ sandboxes: z.array(sandbox) })
const listedMax = 1_000

const page = z.object({
  limit: z.preprocess(
    (value) => (value === '' ? undefined : value),
    z.coerce.number().int().min(1).max(listedMax).default(listedMax),
  ),
  offset: z.preprocess(
    (value) => (value === '' ? undefined : value),
    z.coerce.number().int().min(0).default(0),
  ),
  property: z
    .preprocess(
      (value) => (Array.isArray(value) ? value : [value]).filter((text) => text !== '' && text !== undefined),
      z.array(z.string().max(300)).max(20),
    )
    .optional()
    .describe('`name==value`, repeatable: all must hold'),
  orderBy: z.string().max(100).optional(),
})

/** For parameters a client may write without a value. */
const flag = z
  .string()
  .optional()
  .transform((text) => text !== undefined && text.toLowerCase() !== 'false')

/** `/data/foundation/sandbox-management`. */
export async function sandboxRoutes(app: App, { administration }: HttpDependencies): Promise<void> {
  app.get(
    '/',
    {
      config: signedIn('sandbox'),
      schema: { tags, summary: 'Sandboxes you may use', response: { 200: list } },
    },
    async (request) =>
      pageDocument(await administration.openSandboxes(callerOf(request)), { limit: listedMax, offset: 0 }),
  )
  app.get(
    '/sandboxes',
    {
      config: view,
      schema: {
        tags,
        summary: 'All sandboxes, deleted ones too',
        querystring: page,
        response: { 200: list },
      },
    },
    async (request) => {
      const { property = [], orderBy, ...window } = request.query
      const all = await administration.sandboxes(callerOf(request))
      return pageDocument(ordered(all.filter(matching(property)), orderBy), window)
    },
  )
  app.get(
    '/sandboxes/:name',
    { config: view, schema: { tags, summary: 'Read a sandbox', params, response: { 200: sandbox } } },
    async (request) =>
      sandboxDocument(await administration.sandboxDetails(callerOf(request), request.params.name)),
  )
  app.get(
    '/sandboxTypes',
    {
      config: view,
      schema: {
        tags,
        summary: 'Types of sandboxes',
        response: { 200: z.looseObject({ sandboxTypes: z.array(z.looseObject({})) }) },
      },
    },
    async () => ({
      sandboxTypes: [
        { id: 'development', title: 'Development' },
        { id: 'production', title: 'Production' },
      ],
    }),
  )
  addChanges(app, administration)
}

function addChanges(app: App, administration: HttpDependencies['administration']): void {
  app.post(
    '/sandboxes',
    {
      config: manage,
      schema: {
        tags,
        summary: 'Create a sandbox',
        body: z.looseObject({
          name: z.string().max(100).describe('Lower-case letters, digits and hyphens; used once for ever'),
          title: z.string().max(255),
          type: z.enum(['development', 'production']),
        }),
        response: { 202: sandbox },
      },
    },
    async (request, reply) => {
      const { name, title, type } = request.body
      const made = await administration.createSandbox(callerOf(request), { name, title, type })
      // It is active already; clients of the reference platform expect to wait.
      return await reply.code(202).send({ ...sandboxDocument(made), state: 'creating' })
    },
  )
  app.patch(
    '/sandboxes/:name',
    {
      config: manage,
      schema: {
        tags,
        summary: 'Change the title',
        params,
        body: z.looseObject({ title: z.string().min(1).max(255) }),
        response: { 200: sandbox },
      },
    },
    async (request) =>
      sandboxDocument(
        await administration.renameSandbox(callerOf(request), request.params.name, request.body.title),
      ),
  )
  app.put(
    '/sandboxes/:name',
    {
      config: guarded('sandbox', 'reset-sandboxes'),
      schema: {
        tags,
        summary: 'Empty a sandbox',
        description: 'For the default sandbox say its name again: `?confirm=prod`.',
        params,
        querystring: z.looseObject({
          validationOnly: flag,
          ignoreWarnings: flag,
          confirm: z.string().max(100).optional(),
        }),
        body: z.looseObject({ action: z.string() }),
        response: { 202: sandbox },
      },
    },
    async (request, reply) => {
      if (request.body.action !== 'reset') throw new AppError('sandbox.invalid', 'The action is reset.')
      const { validationOnly: isTrial, confirm: confirmation } = request.query
      const options = { isTrial, confirmation }
      const done = await administration.resetSandbox(callerOf(request), request.params.name, options)
      return await reply
        .code(202)
        .send({ ...sandboxDocument(done), state: isTrial ? done.state : 'resetting' })
    },
  )
  app.delete(
    '/sandboxes/:name',
    {
      config: manage,
      schema: {
        tags,
        summary: 'Delete a sandbox',
        params,
        querystring: z.looseObject({ validationOnly: flag, ignoreWarnings: flag }),
        response: { 202: sandbox },
      },
    },
    async (request, reply) => {
      const options = { isTrial: request.query.validationOnly }
      const gone = await administration.deleteSandbox(callerOf(request), request.params.name, options)
      return await reply.code(202).send(sandboxDocument(gone))
    },
  )
}

function pageDocument(all: readonly SandboxDetails[], window: { limit: number; offset: number }) {
  const { limit, offset } = window
  const sandboxes = all.slice(offset, offset + limit).map(sandboxDocument)
  const next =
    offset + limit < all.length
      ? { next: { href: `/sandboxes?limit=${limit}&offset=${offset + limit}` } }
      : {}
  return { sandboxes, _page: { limit, count: sandboxes.length }, _links: next }
}

const filterable = ['name', 'title', 'state', 'type'] as const

function matching(properties: readonly string[]): (sandbox: SandboxDetails) => boolean {
  const filters = properties.map((text) => {
    const [, key, operator, value = ''] = /^(\w+)(==|!=)(.*)$/.exec(text) ?? []
    const name = filterable.find((candidate) => candidate === key)
    if (name && operator !== undefined) return { name, isEqual: operator === '==', value }
    throw new AppError('sandbox.invalid', `property: name==… was expected, ${JSON.stringify(text)} came.`)
  })
  return (sandbox) => filters.every(({ name, isEqual, value }) => (sandbox[name] === value) === isEqual)
}

function ordered(list: readonly SandboxDetails[], orderBy: string | undefined): readonly SandboxDetails[] {
  if (orderBy === undefined || orderBy === '') return list
  const name = filterable.find((candidate) => candidate === orderBy.replace(/^[+-]/, ''))
  if (!name) throw new AppError('sandbox.invalid', `Sandboxes are ordered by ${filterable.join(', ')}.`)
  const sign = orderBy.startsWith('-') ? -1 : 1
  return list.toSorted((one, other) => (one[name] < other[name] ? -sign : one[name] > other[name] ? sign : 0))
}

function sandboxDocument({ createdAt, modifiedAt, etag, ...rest }: SandboxDetails) {
  return {
    ...rest,
    region: 'VA7',
    eTag: etag,
    etag,
    createdDate: instant(createdAt),
    lastModifiedDate: instant(modifiedAt),
  }
}

/** `2026-11-22 07:10:00` */
function instant(at: Date): string {
  return at.toISOString().slice(0, 19).replace('T', ' ')
}
