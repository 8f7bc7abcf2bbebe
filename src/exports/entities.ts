import { randomUUID } from 'node:crypto'
import type { Access, Permission } from '#access/access.ts'
import type { SecretStore } from '#access/secret-store.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { type FlowId, isId, parseId } from '#base/ids.ts'
import type { Caller, Datasets } from '#datasets/datasets.ts'
import type { Jobs } from '#jobs/jobs.ts'
import {
  type EntityRow,
  insertEntity,
  lockEntity,
  selectEntities,
  selectEntity,
  selectLastRuns,
  updateEntity,
} from '#metadata/exports.ts'
import type { RunRow } from '#metadata/jobs.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import { forgetAuth, openAuth, sealAuth, storedAuth } from './connection-secret.ts'
import { type DestinationAuth, parseAuth } from './destination-auth.ts'
import { destinationKindOf } from './destination-specs.ts'
import { destinationStore } from './destination-store.ts'
import { entityDocument } from './entity-document.ts'
import { pageOf } from './entity-query.ts'
import {
  type EntityDocuments,
  type FlowDocument,
  parseDocument,
  readDocument,
  type SourceConnectionDocument,
} from './entity-schemas.ts'
import type { EntityKind, Exports } from './exports.ts'
import { patchEntityDocument } from './patch-entity-document.ts'
import { scheduleRuleOf } from './schedule-params.ts'
import { checkTargetFolder } from './target-folder.ts'

export interface EntitiesOptions {
  readonly metadata: Metadata
  readonly access: Access
  readonly secrets: SecretStore
  readonly datasets: Datasets
  readonly jobs: Jobs
  readonly clock: Clock
  readonly home: string
}

export type Entities = Pick<
  Exports,
  'createEntity' | 'entity' | 'entities' | 'patchEntity' | 'deleteEntity' | 'setFlowEnabled'
>

/** Others who change the same entity in the same moment are waited for so often. */
const changeAttemptsMax = 5

type State = 'enabled' | 'disabled'
/** As stored: what the client sent, its state, and ids we made for it. */
type Stored<K extends EntityKind> = EntityDocuments[K] & { readonly state: State }

/** The connections and flows of a sandbox: documents with versions, and a schedule behind each flow. */
export function createEntities(options: EntitiesOptions): Entities {
  const { metadata, access, secrets, jobs, clock } = options

  async function createEntity(caller: Caller, kind: EntityKind, body: unknown) {
    await requireChange(options, caller, kind)
    if (kind === 'flows' && typeof body === 'object' && body !== null && 'state' in body)
      throw new AppError(
        'flow.invalid',
        '/state: a new flow is enabled; use the actions enable and disable.',
        {
          detail: { field: '/state', flowCode: 'FLOW-1410-400' },
        },
      )
    const document = parseDocument(kind, body)
    const auth = authOf(kind, document)
    await checkDocument(options, caller, kind, document)
    const id = randomUUID()
    const now = clock.now()
    const etag = newEtag(now)
    const stored: Record<string, unknown> = { ...document, auth: undefined, state: 'enabled' }
    // The platform makes a base connection for the lake by itself; clients read its id.
    if (kind === 'sourceConnections') stored['baseConnectionId'] = randomUUID()
    await metadata.transaction(async (tx) => {
      await lockReferences(tx, caller, kind, document)
      if (auth) stored['auth'] = await sealAuth(secrets, tx, auth, ownerOf(caller, now))
      await insertEntity(tx, {
        id,
        sandbox_id: caller.sandbox.id,
        kind,
        document: JSON.stringify(stored),
        etag,
        created_at: now,
        created_by: caller.principal.id,
        updated_at: now,
        updated_by: caller.principal.id,
      })
      if (kind === 'flows') await schedule(tx, caller, id, document as FlowDocument, 'enabled')
      await audit(tx, caller, 'create', kind, id)
    })
    if (kind === 'flows') jobs.ring()
    return { id, etag }
  }

  async function entity(caller: Caller, kind: EntityKind, id: string) {
    await require(access, caller, 'view-destinations')
    const row = isUuid(id) ? await selectEntity(metadata.db, caller.sandbox.id, kind, id) : undefined
    if (!row) throw unknown(kind, id)
    const [document] = await documentsOf(caller, kind, [row])
    return document!
  }

  async function entities(caller: Caller, kind: EntityKind, query: Parameters<Exports['entities']>[2]) {
    await require(access, caller, 'view-destinations')
    const rows = await selectEntities(metadata.db, caller.sandbox.id, kind)
    return pageOf(await documentsOf(caller, kind, rows), query)
  }

  async function documentsOf(caller: Caller, kind: EntityKind, rows: readonly EntityRow[]) {
    const related = kind === 'connections' ? [] : await relatedRows(caller, kind)
    const lastRuns: readonly RunRow[] =
      kind === 'flows'
        ? await selectLastRuns(
            metadata.db,
            rows.map((row) => row.id),
          )
        : []
    const byId = new Map(related.map((row) => [row.id, row]))
    const runOf = new Map(lastRuns.map((run) => [run.subject_id, run]))
    return rows.map((row) => entityDocument(row, { caller, byId, lastRun: runOf.get(row.id) }))
  }

  async function relatedRows(caller: Caller, kind: EntityKind): Promise<EntityRow[]> {
    const kinds: readonly EntityKind[] =
      kind === 'flows' ? ['connections', 'sourceConnections', 'targetConnections'] : ['connections']
    const rows = await Promise.all(kinds.map((one) => selectEntities(metadata.db, caller.sandbox.id, one)))
    return rows.flat()
  }

  async function patchEntity(
    caller: Caller,
    kind: EntityKind,
    id: string,
    etag: string | undefined,
    patch: unknown,
  ) {
    await requireChange(options, caller, kind)
    if (etag === undefined || etag.trim() === '')
      throw new AppError('flow.invalid', 'A PATCH needs the header If-Match with the etag last read.', {
        detail: { flowCode: 'FLOW-1403-400' },
      })
    return await change(caller, kind, id, {
      prepare: async (row) => {
        if (!sameEtag(etag, row.etag))
          throw new AppError(
            'flow.version',
            `Supplied version=[${etag}] does not match the current version on entity=[${row.etag}]`,
            { hint: 'Read the entity again and repeat the change on what it is now.' },
          )
        const before = kind === 'connections' ? await openAuth(secrets, row) : undefined
        const { state, ...rest } = patchEntityDocument(withAuth(row.document, before), patch)
        if (state !== row.document['state'])
          throw new AppError('flow.invalid', '/state: use the actions enable and disable.', {
            detail: { field: '/state', flowCode: 'FLOW-1410-400' },
          })
        if (kind === 'sourceConnections' && !isSame(rest['params'], row.document['params']))
          throw new AppError(
            'flow.invalid',
            '/params: the datasets of a source connection do not change; make another one and patch the flow.',
            { detail: { field: '/params' } },
          )
        const document = parseDocument(kind, rest)
        const auth = authOf(kind, document)
        await checkDocument(options, caller, kind, document)
        const state_ = stateOf(row)
        if (!auth) return { ...document, state: state_ }
        return {
          ...document,
          state: state_,
          auth: isSame(auth.secret, before?.secret) ? sameSecret(row, auth) : auth,
        }
      },
      write: async (tx, document, row) => {
        await lockReferences(tx, caller, kind, document)
        if (kind === 'flows') await schedule(tx, caller, id, document as FlowDocument, document.state)
        const auth = kind === 'connections' ? (document as { auth?: DestinationAuth }).auth : undefined
        if (!auth?.secret) return document
        await forgetAuth(secrets, tx, row)
        return { ...document, auth: await sealAuth(secrets, tx, auth, ownerOf(caller, clock.now())) }
      },
    })
  }

  async function setFlowEnabled(caller: Caller, flowId: FlowId, isEnabled: boolean) {
    await require(access, caller, 'manage-dataset-destinations')
    return await change(caller, 'flows', flowId, {
      prepare: async (row) => {
        const { state: _state, ...rest } = row.document
        const document = readDocument('flows', rest)
        if (isEnabled) await checkDocument(options, caller, 'flows', document)
        return { ...document, state: isEnabled ? 'enabled' : 'disabled' }
      },
      write: async (tx, document) => {
        await schedule(tx, caller, flowId, document, document.state)
        return document
      },
    })
  }

  /** The new document is made without a lock, as it asks others; it is written only if the old one is still there. */
  async function change<K extends EntityKind>(
    caller: Caller,
    kind: K,
    id: string,
    steps: {
      readonly prepare: (row: EntityRow) => Promise<Stored<K>>
      /** Returns what is stored. */
      readonly write: (tx: Transaction, document: Stored<K>, row: EntityRow) => Promise<object>
    },
  ) {
    for (let attempt = 1; attempt <= changeAttemptsMax; attempt += 1) {
      const before = isUuid(id) ? await selectEntity(metadata.db, caller.sandbox.id, kind, id) : undefined
      if (!before) throw unknown(kind, id)
      const document = await steps.prepare(before)
      const now = clock.now()
      const etag = newEtag(now)
      const isWritten = await metadata.transaction(async (tx) => {
        const row = await lockEntity(tx, caller.sandbox.id, kind, id)
        if (row?.etag !== before.etag) return false
        const stored = await steps.write(tx, document, row)
        await updateEntity(tx, id, {
          document: JSON.stringify(stored),
          etag,
          updated_at: now,
          updated_by: caller.principal.id,
        })
        await audit(tx, caller, 'update', kind, id)
        return true
      })
      if (!isWritten) continue
      if (kind === 'flows') jobs.ring()
      return { id, etag }
    }
    throw new AppError('flow.version', `${kind} ${id} changes too often to be changed once more.`)
  }

  async function deleteEntity(caller: Caller, kind: EntityKind, id: string): Promise<void> {
    await requireChange(options, caller, kind)
    await metadata.transaction(async (tx) => {
      const row = isUuid(id) ? await lockEntity(tx, caller.sandbox.id, kind, id) : undefined
      if (!row) throw unknown(kind, id)
      await refuseUsed(tx, caller, kind, id)
      const now = clock.now()
      await updateEntity(tx, id, { updated_at: now, updated_by: caller.principal.id, deleted_at: now })
      if (kind === 'flows') await jobs.removeSchedule(tx, 'export', id)
      if (kind === 'connections') await forgetAuth(secrets, tx, row)
      await audit(tx, caller, 'delete', kind, id)
    })
    if (kind !== 'flows') return
    for (const run of await jobs.runs({ kind: 'export', subjectId: id }))
      await jobs.cancel(run.id, caller.principal.id)
  }

  async function schedule(
    tx: Transaction,
    caller: Caller,
    flowId: string,
    document: FlowDocument,
    state: State,
  ): Promise<void> {
    await jobs.putSchedule(tx, {
      kind: 'export',
      subjectId: flowId,
      rule: scheduleRuleOf(document.scheduleParams),
      principalId: caller.principal.id,
      sandboxId: caller.sandbox.id,
      isEnabled: state === 'enabled',
    })
  }

  async function audit(tx: Transaction, caller: Caller, action: string, kind: EntityKind, id: string) {
    await access.audit(
      {
        principalId: caller.principal.id,
        sandboxId: caller.sandbox.id,
        action,
        assetType: kind === 'flows' ? 'Destination' : 'Destination Account',
        assetId: id,
        status: 'Allow',
      },
      tx,
    )
  }

  return { createEntity, entity, entities, patchEntity, deleteEntity, setFlowEnabled }
}

async function require(access: Access, caller: Caller, permission: Permission): Promise<void> {
  await access.require({ principal: caller.principal, permission, sandboxId: caller.sandbox.id })
}

/** Accounts may be changed by who manages destinations or exports datasets; all else by who exports datasets. */
async function requireChange({ access }: EntitiesOptions, caller: Caller, kind: EntityKind): Promise<void> {
  const question = { principal: caller.principal, sandboxId: caller.sandbox.id }
  if (kind === 'connections' || kind === 'targetConnections') {
    const decision = await access.decide({ ...question, permission: 'manage-destinations' })
    if (decision.isAllowed) return
  }
  await access.require({ ...question, permission: 'manage-dataset-destinations' })
}

/** What the document's form alone can't say: whom it names, what the caller may see, where it writes. */
async function checkDocument<K extends EntityKind>(
  options: EntitiesOptions,
  caller: Caller,
  kind: K,
  document: EntityDocuments[K],
): Promise<void> {
  if (kind === 'sourceConnections') {
    for (const [index, { dataSetId }] of (document as SourceConnectionDocument).params.datasets.entries())
      await checkDataset(options, caller, dataSetId, `/params/datasets/${index}/dataSetId`)
  }
  if (kind === 'targetConnections') {
    await checkTarget(options, caller, document as EntityDocuments['targetConnections'])
  }
  if (kind === 'flows') {
    const { scheduleParams, sourceConnectionIds } = document as FlowDocument
    scheduleRuleOf(scheduleParams)
    await checkFlowSource(options, caller, sourceConnectionIds[0] ?? '')
    await checkFlowTarget(options, caller, document as FlowDocument)
  }
}

/** The place is one that the connection's kind can have. */
async function checkTarget(
  { metadata, secrets, home }: EntitiesOptions,
  caller: Caller,
  { connectionSpec, baseConnectionId, params }: EntityDocuments['targetConnections'],
): Promise<void> {
  const kind = destinationKindOf(connectionSpec.id)
  if (kind === 'local') params.path = await checkTargetFolder(params.path, home)
  const row = await selectEntity(metadata.db, caller.sandbox.id, 'connections', baseConnectionId)
  if (!row || !kind) return // Said when the references are locked.
  requireKind(kind, row, '/connectionSpec/id')
  if (kind !== 'local') destinationStore(kind, await openAuth(secrets, row), params)
}

/** What a flow is for and what it delivers to are of one kind. */
async function checkFlowTarget(
  { metadata }: EntitiesOptions,
  caller: Caller,
  { flowSpec, targetConnectionIds }: FlowDocument,
): Promise<void> {
  const id = targetConnectionIds[0] ?? ''
  const row = await selectEntity(metadata.db, caller.sandbox.id, 'targetConnections', id)
  if (row) requireKind(destinationKindOf(flowSpec.id), row, '/flowSpec/id')
}

function requireKind(kind: string | undefined, row: EntityRow, field: string): void {
  const spec = row.document['connectionSpec'] as { readonly id: string }
  if (destinationKindOf(spec.id) === kind) return
  throw new AppError(
    'flow.invalid',
    `${field}: the ${nouns[row.kind]} ${row.id} is of another kind of destination.`,
    {
      detail: { field },
    },
  )
}

/** How a connection logs in, checked. */
function authOf<K extends EntityKind>(kind: K, document: EntityDocuments[K]): DestinationAuth | undefined {
  if (kind !== 'connections') return undefined
  const { connectionSpec, auth } = document as EntityDocuments['connections']
  const destination = destinationKindOf(connectionSpec.id)
  return destination && parseAuth(destination, auth)
}

/** As a client sends it, for its patches. */
function withAuth(document: Readonly<Record<string, unknown>>, auth: DestinationAuth | undefined) {
  if (!auth) return document
  return { ...document, auth: { specName: auth.specName, params: { ...auth.params, ...auth.secret } } }
}

/** What is secret did not change: the row goes on with the one it has. */
function sameSecret(row: EntityRow, { specName, params }: DestinationAuth) {
  return { ...storedAuth(row.document), specName, params }
}

function ownerOf({ principal, sandbox }: Caller, now: Date) {
  return { organizationId: principal.organizationId, sandboxId: sandbox.id, now }
}

/** Who may change an export must see what it delivers. */
async function checkFlowSource(options: EntitiesOptions, caller: Caller, sourceId: string): Promise<void> {
  const row = await selectEntity(options.metadata.db, caller.sandbox.id, 'sourceConnections', sourceId)
  if (!row) return // Said when the references are locked.
  const { state: _state, ...rest } = row.document
  const { dataSetId } = readDocument('sourceConnections', rest).params.datasets[0]!
  await checkDataset(options, caller, dataSetId, '/sourceConnectionIds/0')
}

async function checkDataset(
  { datasets }: EntitiesOptions,
  caller: Caller,
  dataSetId: string,
  field: string,
): Promise<void> {
  if (!isId('dataset', dataSetId))
    throw new AppError(
      'flow.invalid',
      `${field}: ${JSON.stringify(dataSetId.slice(0, 80))} is no dataset's id.`,
      {
        detail: { field },
      },
    )
  try {
    await datasets.get(caller, parseId('dataset', dataSetId))
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'dataset.unknown') throw error
    throw new AppError('flow.invalid', `${field}: there is no dataset ${dataSetId} in this sandbox.`, {
      cause: error,
      detail: { field },
    })
  }
}

/** Those a document names exist and go on existing until the transaction ends. */
async function lockReferences<K extends EntityKind>(
  tx: Transaction,
  caller: Caller,
  kind: K,
  document: EntityDocuments[K],
): Promise<void> {
  const references: { readonly kind: EntityKind; readonly id: string; readonly field: string }[] = []
  if (kind === 'targetConnections') {
    const { baseConnectionId } = document as EntityDocuments['targetConnections']
    references.push({ kind: 'connections', id: baseConnectionId, field: '/baseConnectionId' })
  }
  if (kind === 'flows') {
    const { sourceConnectionIds, targetConnectionIds } = document as FlowDocument
    for (const [index, id] of sourceConnectionIds.entries())
      references.push({ kind: 'sourceConnections', id, field: `/sourceConnectionIds/${index}` })
    for (const [index, id] of targetConnectionIds.entries())
      references.push({ kind: 'targetConnections', id, field: `/targetConnectionIds/${index}` })
  }
  for (const { kind: referred, id, field } of references) {
    if (await lockEntity(tx, caller.sandbox.id, referred, id)) continue
    throw new AppError('flow.invalid', `${field}: there is no ${nouns[referred]} ${id}.`, {
      detail: { field },
    })
  }
}

async function refuseUsed(tx: Transaction, caller: Caller, kind: EntityKind, id: string): Promise<void> {
  const users: EntityRow[] = []
  if (kind === 'connections')
    users.push(...(await selectEntities(tx, caller.sandbox.id, 'targetConnections')))
  if (kind === 'sourceConnections' || kind === 'targetConnections')
    users.push(...(await selectEntities(tx, caller.sandbox.id, 'flows')))
  const user = users.find(({ document }) =>
    [
      document['baseConnectionId'],
      ...((document['sourceConnectionIds'] as unknown[] | undefined) ?? []),
      ...((document['targetConnectionIds'] as unknown[] | undefined) ?? []),
    ].includes(id),
  )
  if (!user) return
  throw new AppError(
    'flow.invalid',
    `The ${nouns[kind]} ${id} is used by ${user.kind} ${user.id}; delete that first.`,
    {
      detail: { flowCode: 'FLOW-1418-400' },
    },
  )
}

const nouns: Readonly<Record<EntityKind, string>> = {
  connections: 'connection',
  sourceConnections: 'source connection',
  targetConnections: 'target connection',
  flows: 'flow',
}

function unknown(kind: EntityKind, id: string): AppError {
  return new AppError(
    'flow.unknown',
    `The requested ${kind} resource ${id.slice(0, 80)} is not found. Verify the resource ID before trying again.`,
    { detail: { id: id.slice(0, 80), type: kind } },
  )
}

/** Quotes are part of it, as on the platform. */
function newEtag(now: Date): string {
  const [one = '', two = ''] = randomUUID().split('-')
  return `"${one}-${two}-0200-0000-${Math.floor(now.getTime() / 1000).toString(16)}0000"`
}

function sameEtag(one: string, other: string): boolean {
  const bare = (text: string) => text.trim().replace(/^W\//, '').replace(/^"|"$/g, '')
  return bare(one) === bare(other)
}

function stateOf(row: EntityRow): State {
  return row.document['state'] === 'disabled' ? 'disabled' : 'enabled'
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

function isUuid(id: string): boolean {
  return isId('flow', id)
}
