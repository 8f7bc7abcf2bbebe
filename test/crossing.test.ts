import { mkdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Statement } from '../src/query/query.ts'
import type { HttpDependencies } from '../src/http/dependencies.ts'
import { createApp } from '../src/http/server.ts'
import { silentLogger } from '../src/base/log.ts'
import { type Actor, actorOf, signIn } from './support/actor.ts'
import { testMetadata } from './support/metadata.ts'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'

const access = '/data/foundation/access-control'
const sandboxes = '/data/foundation/sandbox-management'
const catalog = '/data/foundation/catalog'
const flows = '/data/foundation/flowservice'
const queries = '/data/foundation/query'
const registry = '/data/foundation/schemaregistry'
const namespaces = '/data/core/idnamespace'
const lakeSpec = { id: '23598e46-f560-407b-88d5-ea6207e49db0', version: '1.0' }

/** What somebody else has, by the kind of its id. */
type Kind =
  | 'alertType'
  | 'batch'
  | 'class'
  | 'client'
  | 'connection'
  | 'copy'
  | 'dataset'
  | 'datatype'
  | 'descriptor'
  | 'fieldgroup'
  | 'file'
  | 'email'
  | 'loadedFile'
  | 'flow'
  | 'group'
  | 'namespace'
  | 'notification'
  | 'organization'
  | 'policy'
  | 'query'
  | 'result'
  | 'role'
  | 'run'
  | 'sandbox'
  | 'schedule'
  | 'scheduledRun'
  | 'schema'
  | 'source'
  | 'sqlUser'
  | 'target'
  | 'template'
  | 'user'
  | 'webhook'

/** Ids of the same form that nobody has. */
const unknown: Readonly<Record<Kind, string>> = {
  alertType: 'failure',
  batch: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  class: 'https://ns.adobe.com/nobody/classes/000000000000000000000000000000000000000000000000',
  client: 'f'.repeat(32),
  connection: '00000000-0000-4000-8000-000000000001',
  copy: '01arz3ndektsv4rrffq69g5fav',
  dataset: '0'.repeat(24),
  datatype: 'https://ns.adobe.com/nobody/datatypes/000000000000000000000000000000000000000000000000',
  descriptor: '0'.repeat(48),
  fieldgroup: 'https://ns.adobe.com/nobody/mixins/000000000000000000000000000000000000000000000000',
  email: 'nobody@example.com',
  loadedFile: '01ARZ3NDEKTSV4RRFFQ69G5FAV-1',
  file: 'a.json',
  flow: '00000000-0000-4000-8000-000000000001',
  group: '00000000-0000-4000-8000-000000000001',
  namespace: '999999999',
  notification: '00000000-0000-4000-8000-000000000001',
  organization: '000000000000000000000000@AdobeOrg',
  policy: '00000000-0000-4000-8000-000000000001',
  query: '00000000-0000-4000-8000-000000000001',
  result: '00000000-0000-4000-8000-000000000001',
  role: '00000000-0000-4000-8000-000000000001',
  run: '00000000-0000-4000-8000-000000000001',
  sandbox: 'never-was',
  schedule: '00000000-0000-4000-8000-000000000001',
  scheduledRun: Buffer.from('manual__2026-01-01T00:00:00.000000Z').toString('base64url'),
  schema: 'https://ns.adobe.com/nobody/schemas/000000000000000000000000000000000000000000000000',
  source: '00000000-0000-4000-8000-000000000001',
  sqlUser: 'nobody_00000000',
  target: '00000000-0000-4000-8000-000000000001',
  template: '00000000-0000-4000-8000-000000000001',
  user: '00000000000000000000000000000001@AdobeID',
  webhook: '00000000-0000-4000-8000-000000000001',
}

type Ids = Readonly<Record<Kind, string>>

interface Row {
  /** Kinds of the parameters of the path, in order. */
  readonly params?: readonly Kind[]
  readonly query?: (ids: Ids) => string
  readonly body?: (ids: Ids) => unknown
  /** Only the own organisation's things are under this address: other sandboxes of it may ask. */
  readonly isOrganizationWide?: true
  /** Tells of the whole server, no names. */
  readonly isServerWide?: true
}

const descriptorOf = (ids: Ids) => ({
  '@type': 'xdm:alternateDisplayInfo',
  'xdm:sourceSchema': ids.schema,
  'xdm:sourceVersion': 1,
  'xdm:sourceProperty': '/secret_field',
  'xdm:title': { en_us: 'own' },
})
const organizationWide = { isOrganizationWide: true } as const
const patch = [{ op: 'replace', path: '/name', value: 'stolen' }]

/** Every guarded route; one that is not here fails the test. */
const rows: Readonly<Record<string, Row>> = {
  'GET /metrics': organizationWide,
  [`GET ${catalog}/dataSets`]: {},
  [`POST ${catalog}/dataSets`]: { body: (ids) => ({ name: 'x', schemaRef: { id: ids.schema } }) },
  [`GET ${catalog}/dataSets/:id`]: { params: ['dataset'] },
  [`DELETE ${catalog}/dataSets/:id`]: { params: ['dataset'] },
  [`GET ${catalog}/dataSets/:id/views`]: { params: ['dataset'] },
  [`GET ${catalog}/dataSets/:id/views/:viewId`]: { params: ['dataset', 'dataset'] },
  [`GET ${catalog}/dataSets/:id/views/:viewId/files`]: { params: ['dataset', 'dataset'] },
  [`GET ${catalog}/dataSetFiles`]: { query: (ids) => `dataSetId=${ids.dataset}` },
  [`GET ${catalog}/lastBatches`]: { query: (ids) => `dataSetId=${ids.dataset}` },
  [`GET ${catalog}/batches`]: { query: (ids) => `dataSet=${ids.dataset}` },
  [`GET ${catalog}/batches/:id`]: { params: ['batch'] },
  [`PUT ${catalog}/dataSets/:id`]: { params: ['dataset'], body: () => ({ name: 'stolen' }) },
  [`PATCH ${catalog}/dataSets/:id`]: { params: ['dataset'], body: () => patch },
  [`PATCH ${catalog}/v2/dataSets/:id`]: { params: ['dataset'], body: () => patch },
  'GET /data/foundation/dataset/datasets/:id/labels': { params: ['dataset'] },
  'POST /data/foundation/dataset/datasets/:id/labels': {
    params: ['dataset'],
    body: () => ({ labels: ['C1'] }),
  },
  'PUT /data/foundation/dataset/datasets/:id/labels': {
    params: ['dataset'],
    body: () => ({ labels: ['C1'] }),
  },
  'DELETE /data/foundation/dataset/datasets/:id/labels': { params: ['dataset'] },
  'PATCH /data/foundation/import/batches': {
    body: (ids) => ({
      datasetId: ids.dataset,
      inputFormat: { format: 'json' },
      replay: { predecessors: [ids.batch], reason: 'replace' },
    }),
  },
  'GET /data/foundation/export/batches/:id/files': { params: ['batch'] },
  'GET /data/foundation/export/files/:id': { params: ['loadedFile'] },
  'GET /data/foundation/export/datasets/:id/preview': { params: ['dataset'] },
  ...Object.fromEntries(
    (
      [
        ['schemas', 'schema'],
        ['classes', 'class'],
        ['fieldgroups', 'fieldgroup'],
        ['mixins', 'fieldgroup'],
        ['datatypes', 'datatype'],
      ] as [string, Kind][]
    ).flatMap(([name, kind]) =>
      ['tenant', 'global'].flatMap((container) => [
        [`GET ${registry}/${container}/${name}`, {}],
        [`GET ${registry}/${container}/${name}/:id`, { params: [kind] }],
        [
          `POST ${registry}/${container}/${name}`,
          {
            body: () => ({
              title: `own ${Math.random()}`,
              type: 'object',
              properties: { a: { type: 'string' } },
            }),
          },
        ],
        [
          `PUT ${registry}/${container}/${name}/:id`,
          { params: [kind], body: () => ({ title: 'stolen', type: 'object' }) },
        ],
        [
          `PATCH ${registry}/${container}/${name}/:id`,
          { params: [kind], body: () => [{ op: 'replace', path: '/title', value: 'stolen' }] },
        ],
        [`DELETE ${registry}/${container}/${name}/:id`, { params: [kind] }],
      ]),
    ),
  ),
  [`GET ${registry}/tenant/unions`]: {},
  [`GET ${registry}/tenant/unions/:id`]: { params: ['class'] },
  [`GET ${registry}/global/behaviors`]: {},
  [`GET ${registry}/global/behaviors/:id`]: { params: ['class'] },
  [`GET ${registry}/tenant/behaviors`]: {},
  [`GET ${registry}/tenant/behaviors/:id`]: { params: ['class'] },
  [`GET ${registry}/tenant/descriptors`]: {},
  [`GET ${registry}/tenant/descriptors/:id`]: { params: ['descriptor'] },
  [`POST ${registry}/tenant/descriptors`]: { body: (ids) => descriptorOf(ids) },
  [`PUT ${registry}/tenant/descriptors/:id`]: { params: ['descriptor'], body: (ids) => descriptorOf(ids) },
  [`DELETE ${registry}/tenant/descriptors/:id`]: { params: ['descriptor'] },
  [`GET ${registry}/stats`]: {},
  [`GET ${registry}/rpc/export/:id`]: { params: ['schema'] },
  [`POST ${registry}/rpc/export`]: { body: (ids) => ({ resourceId: ids.schema }) },
  [`POST ${registry}/rpc/import`]: { body: () => [] },
  [`GET ${registry}/rpc/sampledata/:id`]: { params: ['schema'] },
  [`GET ${registry}/rpc/auditlog/:id`]: { params: ['schema'] },
  'GET /data/core/hygiene/ttl': { query: (ids) => `datasetId=${ids.dataset}` },
  'POST /data/core/hygiene/ttl': { body: (ids) => ({ datasetId: ids.dataset, expiry: '2999-12-31' }) },
  'GET /data/core/hygiene/ttl/:id': { params: ['dataset'] },
  'PUT /data/core/hygiene/ttl/:id': { params: ['dataset'], body: () => ({ expiry: '2999-12-31' }) },
  'DELETE /data/core/hygiene/ttl/:id': { params: ['dataset'] },
  'GET /data/core/identity/identity': { query: (ids) => `nsid=${ids.namespace}&id=someone` },
  [`GET ${namespaces}/identities`]: {},
  [`GET ${namespaces}/orgs/:organization/identities`]: { ...organizationWide, params: ['organization'] },
  [`GET ${namespaces}/identities/:id`]: { params: ['namespace'] },
  [`POST ${namespaces}/identities`]: {
    body: () => ({ name: 'own', code: `Own${Math.random().toString(36).slice(2)}`, idType: 'Cookie' }),
  },
  [`PUT ${namespaces}/identities/:id`]: {
    params: ['namespace'],
    body: () => ({ name: 'stolen', code: 'Stolen', idType: 'Cookie' }),
  },
  'GET /data/foundation/export/batches/:id/failed': { params: ['batch'] },
  'GET /data/foundation/export/batches/:id/meta': { params: ['batch'] },
  'POST /data/foundation/import/batches': {
    body: (ids) => ({ datasetId: ids.dataset, inputFormat: { format: 'json' } }),
  },
  'POST /data/foundation/import/batches/:id': { params: ['batch'], query: () => 'action=ABORT' },
  'GET /data/foundation/import/batches/:batchId/datasets/:datasetId/preview': {
    params: ['batch', 'dataset'],
  },
  'PUT /data/foundation/import/batches/:batchId/datasets/:datasetId/files/*': {
    params: ['batch', 'dataset', 'file'],
    body: () => ({ a: 1 }),
  },
  'POST /data/foundation/import/batches/:batchId/datasets/:datasetId/files/*': {
    params: ['batch', 'dataset', 'file'],
    query: () => 'action=INITIALIZE',
  },
  'PATCH /data/foundation/import/batches/:batchId/datasets/:datasetId/files/*': {
    params: ['batch', 'dataset', 'file'],
    body: () => ({ a: 1 }),
  },
  ...Object.fromEntries(
    (
      [
        ['connections', 'connection', () => ({})],
        ['sourceConnections', 'source', (ids) => ({ params: { datasets: [{ dataSetId: ids.dataset }] } })],
        ['targetConnections', 'target', (ids) => ({ baseConnectionId: ids.connection })],
        [
          'flows',
          'flow',
          (ids) => ({ sourceConnectionIds: [ids.source], targetConnectionIds: [ids.target] }),
        ],
      ] as [string, Kind, (ids: Ids) => object][]
    ).flatMap(([name, kind, body]) => [
      [`GET ${flows}/${name}`, {}],
      [`POST ${flows}/${name}`, { body }],
      [`GET ${flows}/${name}/:id`, { params: [kind] }],
      [`PATCH ${flows}/${name}/:id`, { params: [kind], body: () => patch }],
      [`DELETE ${flows}/${name}/:id`, { params: [kind] }],
    ]),
  ),
  [`POST ${flows}/flows/:id/action`]: { params: ['flow'], query: () => 'op=disable' },
  [`GET ${flows}/runs`]: { query: (ids) => `property=flowId==${ids.flow}` },
  [`POST ${flows}/runs`]: { body: (ids) => ({ flowId: ids.flow }) },
  [`GET ${flows}/runs/:id`]: { params: ['run'] },
  [`POST ${flows}/runs/:id/action`]: { params: ['run'], query: () => 'op=CANCEL' },
  [`GET ${flows}/connections/:id/test`]: { params: ['connection'] },
  [`GET ${flows}/connectionSpecs/:id/configs`]: { params: ['connection'] },
  'POST /data/core/activation/disflowprovider/adhocrun': {
    body: (ids) => ({
      activationInfo: { destinations: [{ flowId: ids.flow, datasets: [{ id: ids.dataset }] }] },
    }),
  },
  'GET /sluice/v1/exports/rules': {},
  'PUT /sluice/v1/exports/rules/:name': {
    params: ['file'],
    body: (ids) => ({ kind: 'quota', datasetIds: [ids.dataset], days: 1, runsMax: 0 }),
  },
  'DELETE /sluice/v1/exports/rules/:name': { params: ['policy'] },
  'POST /sluice/v1/exports/:flowId/dry-run': { params: ['flow'] },
  'POST /sluice/v1/exports/:flowId/adoption': { params: ['flow'] },
  'POST /sluice/v1/exports/:flowId/verification': { params: ['flow'] },
  'POST /sluice/v1/exports/runs/:runId/repeat': { params: ['run'] },
  'GET /sluice/v1/exports/runs/:runId/manifest': { params: ['run'] },
  'POST /sluice/v1/exports/:flowId/backfill': {
    params: ['flow'],
    body: (ids) => ({
      datasetIds: [ids.dataset],
      from: '2026-02-01T00:00:00Z',
      before: '2026-02-02T00:00:00Z',
    }),
  },
  'GET /sluice/v1/exports/:flowId/backfill': { params: ['flow'] },
  'GET /sluice/v1/exports/deliveries': { query: (ids) => `datasetId=${ids.dataset}` },
  'GET /sluice/v1/exports/settings': organizationWide,
  'PUT /sluice/v1/exports/settings': { ...organizationWide, body: () => ({ isStrict: false }) },
  'GET /data/foundation/connectors/landingzone': { query: () => 'type=dlz_destination' },
  'GET /data/foundation/connectors/landingzone/credentials': { query: () => 'type=dlz_destination' },
  'POST /data/foundation/connectors/landingzone/credentials': {
    query: () => 'type=dlz_destination&action=refresh',
  },
  [`GET ${flows}/connectionSpecs`]: {},
  [`GET ${flows}/connectionSpecs/:id`]: { params: ['connection'] },
  [`GET ${flows}/flowSpecs`]: {},
  [`GET ${flows}/flowSpecs/:id`]: { params: ['flow'] },
  [`POST ${queries}/queries`]: { body: ({ sandbox }) => ({ dbName: `${sandbox}:all`, sql: 'SELECT 1' }) },
  [`GET ${queries}/queries`]: {},
  [`GET ${queries}/queries/:id`]: { params: ['query'] },
  [`GET ${queries}/schedules`]: {},
  [`POST ${queries}/schedules`]: {
    body: ({ sandbox }) => ({
      query: { dbName: `${sandbox}:all`, sql: 'SELECT 1' },
      schedule: { schedule: '@once' },
    }),
  },
  [`GET ${queries}/schedules/:id`]: { params: ['schedule'] },
  [`GET ${queries}/schedules/:id/runs`]: { params: ['schedule'] },
  [`POST ${queries}/schedules/:id/runs`]: { params: ['schedule'] },
  [`GET ${queries}/schedules/:id/runs/:runId`]: { params: ['schedule', 'scheduledRun'] },
  [`PATCH ${queries}/schedules/:id/runs/:runId`]: {
    params: ['schedule', 'scheduledRun'],
    body: () => ({ op: 'cancel' }),
  },
  [`PATCH ${queries}/schedules/:id`]: {
    params: ['schedule'],
    body: () => ({ body: [{ op: 'replace', path: '/state', value: 'disable' }] }),
  },
  [`DELETE ${queries}/schedules/:id`]: { params: ['schedule'] },
  [`PATCH ${queries}/queries/:id`]: { params: ['query'], body: () => ({ op: 'soft_delete' }) },
  [`DELETE ${queries}/queries/:id`]: { params: ['query'] },
  [`GET ${queries}/query-templates`]: {},
  [`GET ${queries}/query-templates/count`]: {},
  [`POST ${queries}/query-templates`]: {
    body: () => ({ name: `own ${Math.random()}`, sql: 'SELECT 1' }),
  },
  [`GET ${queries}/query-templates/:id`]: { params: ['template'] },
  [`PUT ${queries}/query-templates/:id`]: {
    params: ['template'],
    body: () => ({ name: 'stolen', sql: 'SELECT 1' }),
  },
  [`DELETE ${queries}/query-templates/:id`]: { params: ['template'] },
  [`POST ${queries}/accelerated-queries`]: {
    body: (ids) => ({ dbName: `${ids.sandbox}:all`, templateId: ids.template }),
  },
  [`GET ${queries}/alert-subscriptions`]: { query: (ids) => `property=assetId==${ids.schedule}` },
  [`POST ${queries}/alert-subscriptions`]: {
    body: (ids) => ({
      assetId: ids.schedule,
      alertType: 'failure',
      subscriptions: { emailIds: ['own@example.com'] },
    }),
  },
  [`GET ${queries}/alert-subscriptions/user-subscriptions/:email`]: { params: ['email'] },
  [`GET ${queries}/alert-subscriptions/:assetId`]: { params: ['schedule'] },
  [`GET ${queries}/alert-subscriptions/:assetId/:alertType`]: { params: ['schedule', 'alertType'] },
  [`PATCH ${queries}/alert-subscriptions/:assetId/:alertType`]: {
    params: ['schedule', 'alertType'],
    body: () => ({ op: 'replace', path: '/status', value: 'disable' }),
  },
  [`DELETE ${queries}/alert-subscriptions/:assetId/:alertType`]: { params: ['schedule', 'alertType'] },
  [`GET ${queries}/connection_parameters`]: organizationWide,
  [`GET ${queries}/statistics`]: { query: (ids) => `dataSet=${ids.dataset}` },
  'POST /data/foundation/queryauth/accounts': {
    ...organizationWide,
    body: (ids) => ({ name: 'own', assignedToUser: ids.user }),
  },
  'POST /sluice/v1/results': { body: () => ({ sql: 'SELECT 1 AS own' }) },
  'GET /sluice/v1/results/:id': { params: ['result'] },
  'GET /sluice/v1/results/:id/rows': { params: ['result'] },
  'DELETE /sluice/v1/results/:id': { params: ['result'] },
  'GET /sluice/v1/notifications': {},
  'POST /sluice/v1/notifications/:id/read': { params: ['notification'] },
  'GET /sluice/v1/webhooks': {},
  'POST /sluice/v1/webhooks': { body: () => ({ url: 'https://example.com/own', topics: ['query.*'] }) },
  'DELETE /sluice/v1/webhooks/:id': { params: ['webhook'] },
  [`GET ${access}/acl/reference`]: organizationWide,
  [`POST ${access}/acl/effective-policies`]: { body: () => ['/permissions/view-datasets'] },
  [`POST ${access}/acl/active-permissions`]: { body: () => ['/permissions/view-datasets'] },
  [`GET ${access}/administration/products`]: organizationWide,
  [`GET ${access}/administration/products/:id/categories`]: { ...organizationWide, params: ['role'] },
  [`GET ${access}/administration/products/:id/permission-sets`]: { ...organizationWide, params: ['role'] },
  [`GET ${access}/administration/roles`]: organizationWide,
  [`POST ${access}/administration/roles`]: {
    ...organizationWide,
    body: (ids) => ({ name: 'x', sandboxes: [ids.sandbox] }),
  },
  [`GET ${access}/administration/roles/:id`]: { ...organizationWide, params: ['role'] },
  [`PUT ${access}/administration/roles/:id`]: {
    ...organizationWide,
    params: ['role'],
    body: () => ({ name: 'stolen' }),
  },
  [`PATCH ${access}/administration/roles/:id`]: { ...organizationWide, params: ['role'], body: () => patch },
  [`DELETE ${access}/administration/roles/:id`]: { ...organizationWide, params: ['role'] },
  [`GET ${access}/administration/roles/:id/subjects`]: { ...organizationWide, params: ['role'] },
  [`PATCH ${access}/administration/roles/:id/subjects`]: {
    ...organizationWide,
    params: ['role'],
    body: (ids) => ({ op: 'add', path: '/user', value: ids.user }),
  },
  [`GET ${access}/administration/policies`]: organizationWide,
  [`POST ${access}/administration/policies`]: { ...organizationWide, body: () => ({ name: 'own' }) },
  [`GET ${access}/administration/policies/:id`]: { ...organizationWide, params: ['policy'] },
  [`PUT ${access}/administration/policies/:id`]: {
    ...organizationWide,
    params: ['policy'],
    body: () => ({ name: 'stolen' }),
  },
  [`PATCH ${access}/administration/policies/:id`]: {
    ...organizationWide,
    params: ['policy'],
    body: () => patch,
  },
  [`DELETE ${access}/administration/policies/:id`]: { ...organizationWide, params: ['policy'] },
  [`GET ${sandboxes}`]: organizationWide,
  [`GET ${sandboxes}/sandboxes`]: organizationWide,
  [`POST ${sandboxes}/sandboxes`]: {
    ...organizationWide,
    body: () => ({ name: 'Not-A-Name', title: 'x', type: 'development' }),
  },
  [`GET ${sandboxes}/sandboxTypes`]: organizationWide,
  [`GET ${sandboxes}/sandboxes/:name`]: { ...organizationWide, params: ['sandbox'] },
  [`PATCH ${sandboxes}/sandboxes/:name`]: {
    ...organizationWide,
    params: ['sandbox'],
    body: () => ({ title: 'stolen' }),
  },
  [`PUT ${sandboxes}/sandboxes/:name`]: {
    ...organizationWide,
    params: ['sandbox'],
    query: (ids) => `confirm=${ids.sandbox}`,
    body: () => ({ action: 'reset' }),
  },
  [`DELETE ${sandboxes}/sandboxes/:name`]: { ...organizationWide, params: ['sandbox'] },
  'GET /data/foundation/audit/events': { query: (ids) => `property=assetId==${ids.dataset}` },
  'GET /data/foundation/audit/export': { query: (ids) => `property=assetId==${ids.dataset}` },
  'GET /data/foundation/audit/export/events.csv': { query: (ids) => `property=assetId==${ids.dataset}` },
  'POST /sluice/v1/sql': { body: () => ({ sql: 'SELECT * FROM secret_table' }) },
  'GET /sluice/v1/status': organizationWide,
  'GET /sluice/v1/maintenance': organizationWide,
  'GET /sluice/v1/maintenance/runs/:id': { params: ['run'] },
  'POST /sluice/v1/maintenance': { body: (ids) => ({ tasks: ['compact'], dataSetId: ids.dataset }) },
  'GET /sluice/v1/backups': organizationWide,
  'POST /sluice/v1/backups': { ...organizationWide, body: () => ({ folder: '/secret-folder' }) },
  'GET /sluice/v1/backups/:id': { ...organizationWide, params: ['run'] },
  'POST /sluice/v1/datasets': {
    body: () => ({ name: 'own', columns: [{ name: 'id', type: 'bigint' }] }),
  },
  'PUT /sluice/v1/datasets/:id/managed-by': {
    params: ['dataset'],
    body: () => ({ managedBy: 'SYSTEM' }),
  },
  'GET /sluice/v1/batches/:id/rejects': { params: ['batch'] },
  'GET /sluice/v1/scratch-space': {},
  'GET /sluice/v1/scratch-space/:id/files/:name': { params: ['copy', 'file'] },
  'DELETE /sluice/v1/scratch-space/:id': { params: ['copy'] },
  'POST /sluice/v1/credentials/rotation': organizationWide,
  'POST /sluice/v1/schema-inference': { query: () => 'fileName=a.json&format=json', body: () => ({ a: 1 }) },
  'GET /sluice/v1/users': organizationWide,
  'POST /sluice/v1/users': { ...organizationWide, body: () => ({ name: 'own' }) },
  'POST /sluice/v1/users/:id/enable': { ...organizationWide, params: ['user'] },
  'POST /sluice/v1/users/:id/disable': { ...organizationWide, params: ['user'] },
  'GET /sluice/v1/groups': organizationWide,
  'POST /sluice/v1/groups': { ...organizationWide, body: (ids) => ({ name: 'x', members: [ids.user] }) },
  'PUT /sluice/v1/groups/:id/members': {
    ...organizationWide,
    params: ['group'],
    body: () => ({ members: [] }),
  },
  'PATCH /sluice/v1/groups/:id/members': {
    ...organizationWide,
    params: ['group'],
    body: (ids) => ({ add: [ids.user] }),
  },
  'DELETE /sluice/v1/groups/:id': { ...organizationWide, params: ['group'] },
  'POST /sluice/v1/organizations': { ...organizationWide, body: () => ({ name: 'x' }) },
  'PUT /sluice/v1/organizations/:id/entitlements': {
    ...organizationWide,
    params: ['organization'],
    body: () => ({ batchQueries: false }),
  },
  'GET /sluice/v1/api-clients': organizationWide,
  'POST /sluice/v1/api-clients': {
    ...organizationWide,
    body: (ids) => ({ name: 'x', roles: [ids.role] }),
  },
  'POST /sluice/v1/api-clients/:clientId/rotation': {
    ...organizationWide,
    params: ['client'],
    body: () => ({}),
  },
  'POST /sluice/v1/api-clients/:clientId/keys': {
    ...organizationWide,
    params: ['client'],
    body: () => ({ publicKey: 'x' }),
  },
  'DELETE /sluice/v1/api-clients/:clientId': { ...organizationWide, params: ['client'] },
  'GET /sluice/v1/sql-logins': organizationWide,
  'POST /sluice/v1/sql-logins': { ...organizationWide, body: (ids) => ({ userId: ids.user }) },
  'POST /sluice/v1/sql-logins/:sqlUser/rotation': {
    ...organizationWide,
    params: ['sqlUser'],
    body: () => ({}),
  },
  'DELETE /sluice/v1/sql-logins/:sqlUser': { ...organizationWide, params: ['sqlUser'] },
  'POST /sluice/v1/audit/expiry': organizationWide,
  'POST /sluice/v1/audit/verification': { isServerWide: true },
  'POST /sluice/v1/secrets/rotation': organizationWide,
}

let folder: string
let metadata: Awaited<ReturnType<typeof testMetadata>>
let product: Product
/** Whose things are tried for. */
let owner: Actor
/** Everything, in another organisation. */
let foreigner: Actor
/** Everything, in another sandbox of the same organisation. */
let neighbour: Actor
/** In the right sandbox, with a right to nothing of use. */
let nobody: Actor
let ids: Ids

beforeAll(async () => {
  folder = passableFolder('crossing')
  metadata = await testMetadata()
  const home = join(folder, 'home')
  product = await startProduct({ home, databaseUrl: metadata.databaseUrl })
  const admin = await signIn(product.http, JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8')))
  await admin.must('POST', `${sandboxes}/sandboxes`, {
    name: 'secret-place',
    title: 's',
    type: 'development',
  })
  await admin.must('POST', `${sandboxes}/sandboxes`, { name: 'next-door', title: 'n', type: 'development' })
  owner = admin.in('secret-place')
  neighbour = admin.in('next-door')
  foreigner = await signIn(
    product.http,
    await admin.must('POST', '/sluice/v1/organizations', { name: 'Other' }),
  )
  const mute = await admin.must('POST', `${access}/administration/roles`, {
    name: 'mute',
    permissionSets: ['resolve-alerts'],
    sandboxes: ['secret-place'],
  })
  const client = await admin.must('POST', '/sluice/v1/api-clients', { name: 'nobody', roles: [mute.id] })
  const { organizationId } = admin.credentials
  nobody = await signIn(product.http, { ...client, organizationId }, 'secret-place')
  ids = await makeThings()
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await metadata[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function makeThings(): Promise<Ids> {
  const must: Actor['must'] = (...asked) => owner.must(...asked)
  await must('POST', '/sluice/v1/sql', { sql: 'CREATE TABLE secret_table AS SELECT 1 AS secret_column' })
  const [dataset = ''] = Object.keys(await must('GET', `${catalog}/dataSets`))
  const [batch = ''] = Object.keys(await must('GET', `${catalog}/batches`))
  const schema = await must('POST', `${registry}/tenant/schemas`, {
    title: 'secret schema',
    type: 'object',
    properties: { secret_field: { type: 'string' } },
  })
  const datatype = await must('POST', `${registry}/tenant/datatypes`, {
    title: 'secret type',
    type: 'object',
    properties: { street: { type: 'string' } },
  })
  const itsClass = await must('POST', `${registry}/tenant/classes`, {
    title: 'secret class',
    type: 'object',
    allOf: [{ $ref: 'https://ns.adobe.com/xdm/data/record' }],
  })
  const fieldgroup = await must('POST', `${registry}/tenant/fieldgroups`, {
    title: 'secret fields',
    type: 'object',
    'meta:intendedToExtend': [itsClass.$id],
    properties: {},
  })
  const descriptor = await must(
    'POST',
    `${registry}/tenant/descriptors`,
    descriptorOf({ ...unknown, schema: schema.$id }),
  )
  const namespace = await must('POST', `${namespaces}/identities`, {
    name: 'secret namespace',
    code: 'SecretSpace',
    idType: 'Cookie',
  })
  const out = join(folder, 'out')
  mkdirSync(out)
  const folderSpec = (await must('GET', `${flows}/connectionSpecs?property=name==Local folder`)).items[0]
  const flowSpec = (await must('GET', `${flows}/flowSpecs`)).items[0]
  const name = 'secret export'
  const connectionSpec = { id: folderSpec.id, version: '1.0' }
  const make = async (kind: string, body: object): Promise<string> =>
    (await must('POST', `${flows}/${kind}`, { name, ...body })).id
  const connection = await make('connections', { connectionSpec })
  const source = await make('sourceConnections', {
    connectionSpec: lakeSpec,
    params: { datasets: [{ dataSetId: dataset }] },
  })
  const target = await make('targetConnections', {
    baseConnectionId: connection,
    connectionSpec,
    params: { mode: 'Server-to-server', path: out, datasetFileType: 'PARQUET' },
  })
  const flow = await make('flows', {
    flowSpec: { id: flowSpec.id, version: '1.0' },
    sourceConnectionIds: [source],
    targetConnectionIds: [target],
    transformations: [],
    scheduleParams: {
      exportMode: 'DAILY_FULL_EXPORT',
      timeUnit: 'day',
      interval: 1,
      startTime: Math.floor(Date.now() / 1000) + 86_400,
    },
  })
  const run = (await must('POST', `${flows}/runs`, { flowId: flow })).id
  await must('POST', '/sluice/v1/sql', { sql: `COPY SELECT 1 AS secret_column TO '%scratch_space%/secret'` })
  const copy = (await must('GET', '/sluice/v1/scratch-space')).copies[0].id
  const schedule = await must('POST', `${queries}/schedules`, {
    query: { dbName: 'secret-place:all', sql: 'SELECT 1 AS secret_query', name: 'secret schedule' },
    schedule: { schedule: '0 0 1 1 *' },
  })
  const scheduledRun = (await must('POST', `${queries}/schedules/${schedule.id}/runs`)).id
  const query = (await must('GET', `${queries}/queries`)).queries[0].id
  const template = await must('POST', `${queries}/query-templates`, {
    name: 'secret template',
    sql: "SELECT 'secret_text'",
  })
  await must('POST', `${queries}/alert-subscriptions`, {
    assetId: schedule.id,
    alertType: 'failure',
    subscriptions: { emailIds: ['secret_reader@example.com'] },
  })
  const result = await must('POST', '/sluice/v1/results', { sql: "SELECT 'secret_row' AS a" })
  const webhook = await must('POST', '/sluice/v1/webhooks', {
    url: 'https://example.com/secret_hook',
    topics: ['query.start'],
  })
  const user = await must('POST', '/sluice/v1/users', { name: 'secret user', email: 'secret@example.com' })
  const group = await must('POST', '/sluice/v1/groups', { name: 'secret group', members: [] })
  const role = await must('POST', `${access}/administration/roles`, { name: 'secret role' })
  const policy = await must('POST', `${access}/administration/policies`, { name: 'secret policy' })
  const client = await must('POST', '/sluice/v1/api-clients', { name: 'secret client' })
  const login = await must('POST', '/sluice/v1/sql-logins', { prefix: 'secret' })
  return {
    alertType: 'failure',
    batch,
    class: itsClass.$id,
    client: client.clientId,
    connection,
    copy,
    dataset,
    datatype: datatype.$id,
    descriptor: descriptor['@id'],
    fieldgroup: fieldgroup.$id,
    email: 'secret_reader@example.com',
    loadedFile: `${batch}-1`,
    file: 'a.json',
    flow,
    group: group.id,
    namespace: String(namespace.id),
    notification: unknown.notification,
    organization: owner.credentials.organizationId,
    policy: policy.id,
    query,
    result: result.id,
    role: role.id,
    run,
    sandbox: 'secret-place',
    schedule: schedule.id,
    scheduledRun,
    schema: schema.$id,
    source,
    sqlUser: login.sqlUser,
    target,
    template: template.id,
    user: user.id,
    webhook: webhook.id,
  }
}

const keys = Object.keys(rows)

async function attempt(actor: Actor, key: string, names: Ids) {
  const [method = '', url = ''] = key.split(' ')
  const row = rows[key] ?? {}
  const params = [...(row.params ?? [])]
  const path = url.replaceAll(/:\w+|\*$/g, () => encodeURIComponent(names[params.shift() ?? 'file']))
  const search = row.query ? `?${row.query(names)}` : ''
  const isUpload = url.includes('/files/') || url.endsWith('/schema-inference')
  const headers = isUpload ? { 'content-type': 'application/octet-stream' } : {}
  return await actor.ask(method, path + search, row.body?.(names), headers)
}

/** The answer without what differs between any two: ids that were sent, of the request, times. */
function comparable(answer: { status: number; text: string }, names: Ids): unknown {
  let text = answer.text
  // Longer ones first: one may be a part of another.
  const sent = [...Object.values(names), owner.credentials.organizationId]
  for (const id of sent.toSorted((one, other) => other.length - one.length)) {
    text = text.replaceAll(encodeURIComponent(id), '<id>').replaceAll(id, '<id>')
  }
  return [
    answer.status,
    text.replaceAll(/"(?:requestId|request-id|registryRequestId|timestamp)":"[^"]*"/g, ''),
  ]
}

const denials = async () =>
  Number(
    (
      await metadata.db
        .selectFrom('audit')
        .select((select) => select.fn.countAll<string>().as('count'))
        .where('status', '=', 'Deny')
        .executeTakeFirstOrThrow()
    ).count,
  )

test('every guarded route has a row, and every row a route', async () => {
  const nothing = new Proxy({}, { get: () => () => undefined })
  const app = await createApp({
    access: nothing,
    administration: nothing,
    auditLog: nothing,
    secrets: nothing,
    maintenance: nothing,
    backups: nothing,
    schemas: nothing,
    descriptors: nothing,
    namespaces: nothing,
    sharedTables: nothing,
    datasets: nothing,
    ingest: nothing,
    expirations: nothing,
    streaming: nothing,
    query: nothing,
    exports: nothing,
    notify: nothing,
    postgresAddress: () => '',
    statistics: async () => new Map(),
    fillTemplate: (text: string) => text,
    health: nothing,
    clock: nothing,
    logger: silentLogger,
    limits: { uploadBytesMax: 1 },
    version: '0',
  } as unknown as HttpDependencies)
  const guarded = app.registeredRoutes
    // The catalogue of tables for other engines has the sandbox in its addresses, and tests of its own.
    .filter(({ method, guard }) => method !== 'HEAD' && guard.isPublic !== true && guard.api !== 'iceberg')
    .map(({ method, url }) => `${method} ${url}`)
  const known = new Set(keys)
  expect(guarded.filter((route) => !known.has(route))).toEqual([])
  expect(keys.filter((key) => !guarded.includes(key))).toEqual([])
})

describe('another organisation', () => {
  test.for(keys.filter((key) => !rows[key]?.isServerWide))(
    'gets from %s of ours what it gets for what nobody has',
    async (key) => {
      const theirs = await attempt(foreigner, key, ids)
      const none = await attempt(foreigner, key, unknown)
      if (key.startsWith('POST') && theirs.status < 300) {
        expect(theirs.text).not.toMatch(/secret[_ -]/) // It made something of its own.
        return
      }
      expect(comparable(theirs, ids)).toEqual(comparable(none, unknown))
      expect(String(comparable(theirs, ids)).replaceAll('secret_table', '')).not.toMatch(/secret[_ -]/)
    },
  )

  test('does not get in by naming ours, and the attempt is on record', async () => {
    for (const key of keys) {
      const [method = '', url = ''] = key.split(' ')
      const before = await denials()
      const names = { 'x-gw-ims-org-id': owner.credentials.organizationId, 'x-sandbox-name': 'prod' }
      const answer = await foreigner.ask(method, url.replaceAll(/:\w+|\*$/g, 'x'), undefined, names)
      expect([key, answer.status, answer.body]).toEqual([
        key,
        403,
        { error_code: '403025', message: 'Profile is not valid' },
      ])
      expect(await denials()).toBe(before + 1)
    }
  })
})

describe('another sandbox of the organisation', () => {
  test.for(keys.filter((key) => !rows[key]?.isOrganizationWide && !rows[key]?.isServerWide))(
    'gets from %s of ours what it gets for what nobody has',
    async (key) => {
      if (key.includes('/audit/')) return // The administrator sees the whole organisation's.
      const theirs = await attempt(neighbour, key, ids)
      const none = await attempt(neighbour, key, unknown)
      if (key.startsWith('POST') && theirs.status < 300) {
        expect(theirs.text).not.toMatch(/secret[_ -]/)
        return
      }
      expect(comparable(theirs, ids)).toEqual(comparable(none, unknown))
    },
  )
})

describe('who has no right', () => {
  test.for(keys.filter((key) => !/acl\/(?:effective|active)|sandbox-management\/?$/.test(key)))(
    'is refused by %s alike whether the thing exists, and on record',
    async (key) => {
      const before = await denials()
      const known = await attempt(nobody, key, ids)
      expect(await denials()).toBe(before + 1)
      const none = await attempt(nobody, key, unknown)
      expect([known.status, known.text]).toEqual([403, expect.stringContaining('Missing permission: ')])
      expect(comparable(known, ids)).toEqual(comparable(none, unknown))
    },
  )

  test('cannot enter a sandbox his roles do not reach, whatever the address', async () => {
    const outside = actorOf(product.http, { ...nobody, sandbox: 'next-door' })
    for (const key of keys) {
      const before = await denials()
      const answer = await attempt(outside, key, ids)
      expect([key, answer.status]).toEqual([key, 403])
      expect(answer.text).toContain('No sandbox of that name is open to you')
      expect(await denials()).toBe(before + 1)
    }
  })
})

/** Connections that take messages have the addresses of those that exports deliver to. */
describe('an inlet', () => {
  const inletSpec = { id: 'bc7b00d6-623a-4dfc-9fdb-f1240aeadaeb', version: '1.0' }
  const asked = [`GET ${flows}/connections/:id`, `DELETE ${flows}/connections/:id`]
  let admin: Actor
  let names: Ids
  beforeAll(async () => {
    admin = owner.in('prod')
    const { id } = await owner.must('POST', `${flows}/connections`, {
      name: 'secret inlet',
      connectionSpec: inletSpec,
      auth: { params: { sourceId: 'secret inlet' } },
    })
    names = { ...ids, connection: id }
  })

  async function withRights(permissionSets: readonly string[]): Promise<Actor> {
    const name = permissionSets.join(' and ')
    const role = await admin.must('POST', `${access}/administration/roles`, {
      name,
      permissionSets,
      sandboxes: ['secret-place'],
    })
    const client = await admin.must('POST', '/sluice/v1/api-clients', { name, roles: [role.id] })
    const { organizationId } = admin.credentials
    return await signIn(product.http, { ...client, organizationId }, 'secret-place')
  }
  const destinations = ['view-destinations', 'manage-destinations']

  test('is not there for other organisations and sandboxes, and for who has no right to sources', async () => {
    for (const actor of [foreigner, neighbour, nobody, await withRights(destinations)]) {
      for (const key of asked) {
        const theirs = await attempt(actor, key, names)
        expect(theirs.status).toBeGreaterThanOrEqual(400)
        expect(comparable(theirs, names)).toEqual(comparable(await attempt(actor, key, unknown), unknown))
      }
    }
    expect((await attempt(owner, asked[0] ?? '', names)).status).toBe(200)
  })

  test('is seen and not deleted by who may view sources and not manage them', async () => {
    const viewer = await withRights([...destinations, 'view-sources'])
    expect((await attempt(viewer, asked[0] ?? '', names)).text).toContain('secret inlet')
    const refused = await attempt(viewer, asked[1] ?? '', names)
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('Missing permission: ')])
    expect((await attempt(owner, asked[0] ?? '', names)).status).toBe(200)
  })
})

test('a continuation token of ours leads nobody to ours', async () => {
  await owner.must('POST', `${flows}/connections`, {
    name: 'secret second',
    connectionSpec: (await owner.must('GET', `${flows}/connections`)).items[0].connectionSpec,
  })
  const { _links } = await owner.must('GET', `${flows}/connections?limit=1`)
  const token = _links.next.href.split('=')[1]
  for (const other of [foreigner, neighbour]) {
    const answer = await other.ask('GET', `${flows}/connections?continuationToken=${token}`)
    expect(answer.text).not.toContain('secret')
    expect(answer.status === 400 || answer.body.items.length === 0).toBe(true)
  }
})

/** Each kind of statement, reaching for the table; those that cannot reach for one are there for completeness. */
const statements = {
  query: (table) => `SELECT * FROM ${table}`,
  explain: (table) => `EXPLAIN SELECT * FROM ${table}`,
  createTableAs: (table) => `CREATE TABLE mine AS SELECT * FROM ${table}`,
  insert: (table) => `INSERT INTO ${table} SELECT 1`,
  copy: (table) => `COPY ${table} TO '%scratch_space%/mine'`,
  dropTable: (table) => `DROP TABLE ${table}`,
  setVariable: (table) => `SET @x = (SELECT max(1) FROM ${table})`,
  setProperty: () => `SET application_name = 'x'`,
  setTransaction: () => 'SET TRANSACTION READ ONLY',
  resetProperty: () => 'RESET application_name',
  show: () => 'SHOW TABLES',
  block: (table) => `$$ BEGIN SELECT * FROM ${table}; END $$`,
  transaction: () => 'BEGIN',
  prepare: (table) => `PREPARE p AS SELECT * FROM ${table}; EXECUTE p`,
  execute: (table) => `PREPARE p AS SELECT 1; EXECUTE p; SELECT * FROM ${table}`,
  deallocate: () => 'PREPARE p AS SELECT 1; DEALLOCATE p',
  discard: () => 'DISCARD ALL',
  unlisten: () => 'UNLISTEN *',
  createTable: () => 'CREATE TEMP TABLE own (a int)',
  createFieldGroup: () => `CREATE FIELDGROUP mine (a int) WITH (COLOUR = red)`,
  dropFieldGroup: (table) => `DROP FIELDGROUP '${table.replaceAll('`', '')}'`,
  createView: (table) => `CREATE VIEW mine AS SELECT * FROM ${table}`,
  dropView: (table) => `DROP VIEW ${table}`,
  addColumns: (table) => `ALTER TABLE ${table} ADD COLUMN stolen int`,
  define: (table) => `ALTER TABLE ${table} ADD CONSTRAINT PRIMARY KEY (secret_column) NAMESPACE ECID`,
  analyze: (table) => `ANALYZE TABLE ${table} COMPUTE STATISTICS`,
  takeSample: (table) => `SET aqp = true; ANALYZE TABLE ${table} TABLESAMPLE SAMPLERATE 5`,
  sampleMeta: (table) => `SELECT sample_meta('${table.replaceAll('`', '')}')`,
  dropSample: (table) => `DROP TABLESAMPLE ${table}`,
  describe: (table) => `DESCRIBE ${table}`,
  declareCursor: (table) => `DECLARE c CURSOR FOR SELECT * FROM ${table}`,
  fetch: (table) => `DECLARE c CURSOR FOR SELECT 1; FETCH ALL FROM c; SELECT * FROM ${table}`,
  closeCursor: () => 'CLOSE ALL',
  if: (table) => `$$ BEGIN IF (SELECT count(*) FROM ${table}) > 0 THEN SELECT 1; END IF; END $$`,
} satisfies Record<Statement['kind'], (table: string) => string>

const reaches = (table: string) => [
  ...Object.values(statements).map((statement) => statement(table)),
  `SELECT * FROM ${table} SNAPSHOT SINCE 'HEAD'`,
  `SELECT * FROM ${table} SNAPSHOT AS OF 'TAIL'`,
  `SELECT (SELECT count(*) FROM ${table})`,
  `SELECT history_meta('${table.replaceAll('`', '')}')`,
  `SELECT * FROM ${table} WITHAPPROXIMATE`,
  `ANALYZE TABLE ${table}`,
  `ALTER TABLE ${table} ADD LABEL 'PROFILE'`,
  `ALTER TABLE ${table} ADD SCHEMA own.s`,
  `CREATE TEMP TABLE keyed (a text); ALTER TABLE keyed ADD FOREIGN KEY (a) REFERENCES ${table} (secret_column) NOT ENFORCED`,
]

test.for([
  ['bare', 'secret_table', 'absent_table'],
  ['with its sandbox', '`secret-place`.public.secret_table', '`secret-place`.public.absent_table'],
] as const)(
  'no statement of another sandbox or organisation reaches a table %s',
  async ([, table, absent]) => {
    for (const actor of [neighbour, foreigner]) {
      for (const [index, sql] of reaches(table).entries()) {
        const ask = (text: string) => actor.ask('POST', '/sluice/v1/sql', { sql: text })
        const answer = await ask(sql)
        const none = await ask(reaches(absent)[index] ?? '')
        const names = { ...ids, file: 'secret_table' }
        const nothing = { ...unknown, file: 'absent_table', sandbox: ids.sandbox }
        expect([sql, comparable(answer, names)]).toEqual([sql, comparable(none, nothing)])
        expect(answer.text).not.toContain('secret_column')
        if (sql.includes(table)) expect([sql, /"error":|"code":/.test(answer.text)]).toEqual([sql, true])
      }
    }
    expect(
      await owner.must('POST', '/sluice/v1/sql', { sql: 'SELECT * FROM secret_table', format: 'json' }),
    ).toEqual([{ secret_column: 1 }])
  },
)

test('what was tried for is all still there', async () => {
  for (const path of [
    `${catalog}/dataSets/${ids.dataset}`,
    `${flows}/flows/${ids.flow}`,
    `${queries}/schedules/${ids.schedule}`,
    `${queries}/query-templates/${ids.template}`,
    `${queries}/alert-subscriptions/${ids.schedule}/failure`,
    `${access}/administration/roles/${ids.role}`,
    `${access}/administration/policies/${ids.policy}`,
    `${sandboxes}/sandboxes/secret-place`,
  ]) {
    const answer = await owner.ask('GET', path)
    expect([path, answer.status]).toEqual([path, 200])
    expect(answer.text).not.toContain('stolen')
  }
})
