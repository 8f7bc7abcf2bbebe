import { z } from 'zod'
import type { Page } from '#schemas/list.ts'
import type { Container, TenantKind } from '#schemas/resource.ts'
import type { ReadableKind } from '#schemas/schemas.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { listView, lookUpView } from './accept.ts'
import { listQuery, listQueryOf } from './list-query.ts'
import { refuseGlobal } from './refuse-global.ts'

const base = '/data/foundation/schemaregistry'
const tags = ['Schema registry']
const view = guarded('schemaregistry', 'view-schemas')
const manage = guarded('schemaregistry', 'manage-schemas')
const resource = z.looseObject({})
const idParams = z.object({ id: z.string().max(1_000).describe('`$id` (URL-encoded) or `meta:altId`') })

interface Place {
  readonly path: string
  readonly kind: ReadableKind
  /** Another name of a path that is described already. */
  readonly isAlias?: boolean
}

const places: readonly Place[] = [
  { path: 'schemas', kind: 'schemas' },
  { path: 'classes', kind: 'classes' },
  { path: 'fieldgroups', kind: 'mixins' },
  { path: 'mixins', kind: 'mixins', isAlias: true },
  { path: 'datatypes', kind: 'datatypes' },
]

/** Schemas, classes, field groups and data types, in both containers; unions and behaviours. */
export function addResources(app: App, dependencies: HttpDependencies): void {
  for (const place of places) {
    addReading(app, dependencies, 'global', place)
    addReading(app, dependencies, 'tenant', place)
    addWriting(app, dependencies, { ...place, kind: place.kind as TenantKind })
    refuseGlobal(app, `/global/${place.path}`)
  }
  addReading(app, dependencies, 'tenant', { path: 'unions', kind: 'unions' })
  addReading(app, dependencies, 'global', { path: 'behaviors', kind: 'behaviors' })
  addReading(app, dependencies, 'tenant', { path: 'behaviors', kind: 'behaviors', isAlias: true })
}

function addReading(
  app: App,
  { schemas }: HttpDependencies,
  container: Container,
  { path, kind, isAlias }: Place,
): void {
  const hide = isAlias ? { hide: true } : {}
  app.get(
    `/${container}/${path}`,
    {
      config: view,
      schema: {
        tags,
        ...hide,
        summary: `List ${path} (${container === 'global' ? 'shipped' : 'your own'})`,
        querystring: listQuery,
        response: { 200: resource },
      },
    },
    async (request) => {
      const page = await schemas.list(callerOf(request), {
        container,
        kind,
        view: listView(request.headers.accept),
        query: listQueryOf(request.query),
      })
      return pageDocument(
        page,
        `/${container}/${path}`,
        container === 'tenant' && kind !== 'unions' ? path : undefined,
      )
    },
  )
  app.get(
    `/${container}/${path}/:id`,
    {
      config: view,
      schema: {
        tags,
        ...hide,
        summary: `Read one of ${path}`,
        params: idParams,
        response: { 200: resource },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const look = { kind, id, view: lookUpView(request.headers.accept) }
      const bytes = await schemas.look(callerOf(request), look)
      // Sent as it is: it is no object to be looked through and printed again.
      return await reply.type('application/json; charset=utf-8').send(bytes as never)
    },
  )
}

function addWriting(
  app: App,
  { schemas }: HttpDependencies,
  { path, kind, isAlias }: Place & { readonly kind: TenantKind },
): void {
  const hide = isAlias ? { hide: true } : {}
  const body = z.unknown()
  const ifMatch = (headers: { 'if-match'?: string | undefined }) =>
    headers['if-match'] === undefined ? {} : { ifMatch: headers['if-match'] }
  app.post(
    `/tenant/${path}`,
    {
      config: manage,
      schema: { tags, ...hide, summary: `Make one of ${path}`, body, response: { 201: resource } },
    },
    async (request, reply) => {
      const made = await schemas.create(callerOf(request), kind, request.body)
      return await reply.code(201).send({ ...made.document })
    },
  )
  const one = `/tenant/${path}/:id`
  app.put(
    one,
    {
      config: manage,
      schema: {
        tags,
        ...hide,
        summary: `Replace one of ${path}`,
        params: idParams,
        body,
        response: { 200: resource },
      },
    },
    async (request) => {
      const { id } = request.params
      const given = { kind, id, body: request.body, ...ifMatch(request.headers) }
      return { ...(await schemas.replace(callerOf(request), given)).document }
    },
  )
  app.patch(
    one,
    {
      config: manage,
      schema: {
        tags,
        ...hide,
        summary: `Change one of ${path} by JSON Patch`,
        params: idParams,
        body,
        response: { 200: resource },
      },
    },
    async (request) => {
      const { id } = request.params
      const given = { kind, id, patch: request.body, ...ifMatch(request.headers) }
      return { ...(await schemas.patch(callerOf(request), given)).document }
    },
  )
  app.delete(
    one,
    { config: manage, schema: { tags, ...hide, summary: `Delete one of ${path}`, params: idParams } },
    async (request, reply) => {
      await schemas.delete(callerOf(request), { kind, id: request.params.id, ...ifMatch(request.headers) })
      return await reply.code(204).send()
    },
  )
}

/** `_page.next` is always there: clients index it. */
export function pageDocument(page: Page, path: string, globalPath?: string) {
  const next =
    page.next === null
      ? null
      : {
          href: `${base}${path}?${new URLSearchParams({ orderby: page.orderby, start: page.next }).toString()}`,
        }
  return {
    results: page.results,
    _page: { orderby: page.orderby, next: page.next, count: page.results.length },
    _links: {
      next,
      ...(globalPath === undefined
        ? {}
        : { [`global_${globalPath}`]: { href: `${base}/global/${globalPath}` } }),
    },
  }
}
