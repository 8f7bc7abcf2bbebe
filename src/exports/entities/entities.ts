import { randomUUID } from 'node:crypto'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { type FlowId, isUuid } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { Jobs } from '#jobs/jobs.ts'
import { deleteAlerts } from '#metadata/alerts.ts'
import {
  type EntityRow,
  insertEntity,
  lockEntity,
  selectEntities,
  selectEntity,
  selectExportSettings,
  selectLastRuns,
  selectUnfinishedRuns,
  updateBeginsAnew,
  updateEntity,
} from '#metadata/exports.ts'
import type { Transaction } from '#metadata/metadata.ts'
import { checkCompatibility, checkSpecVersion, withEnd } from './compatibility.ts'
import { expiryOf, forgetAuth, openAuth, sealAuth, storedAuth } from '../documents/connection-secret.ts'
import {
  checkIdentity,
  type DestinationAuth,
  givenElsewhere,
  parseAuth,
  withOwnExternalId,
} from '../documents/destination-auth.ts'
import { checkAccount } from '../documents/destination-forms.ts'
import { destinationKindOf } from '../destination-specs.ts'
import {
  checkDocument,
  checkFlowsOf,
  checkFlowsThrough,
  type EntityCheckOptions,
  require,
  requireChange,
} from '../entity-checks.ts'
import { entityDocument } from '../documents/entity-document.ts'
import { newEtag, requireVersion } from '../documents/entity-etag.ts'
import { pageOf } from '../entity-query.ts'
import { lockReferences, refuseUsed } from './entity-references.ts'
import {
  type EntityDocuments,
  type FlowDocument,
  parseDocument,
  readDocument,
} from '../documents/entity-schemas.ts'
import type { Exports } from '../exports.ts'
import type { EntityKind } from '../entity-kind.ts'
import { datasetIdsOf, moveLane, scheduleFlow } from './flow-schedule.ts'
import { lakeConnection, lakeConnectionId } from '../documents/lake-connection.ts'
import { overlapWarnings } from '../documents/overlap.ts'
import { patchEntityDocument } from '../documents/patch-entity-document.ts'
import { isOnlyNew, settleStarts } from '../documents/start-sequences.ts'
import type { Stored, State } from '../documents/stored-document.ts'
import { checkFlowCount } from '../run/strict-guardrails.ts'
import { unknownResource } from '../unknown-resource.ts'

export interface EntitiesOptions extends EntityCheckOptions {
  readonly allowsServerIdentity: boolean
  readonly jobs: Jobs
  readonly clock: Clock
}

export type Entities = Pick<
  Exports,
  'createEntity' | 'entity' | 'entities' | 'patchEntity' | 'deleteEntity' | 'setFlowEnabled'
>

/** Others who change the same entity in the same moment are waited for so often. */
const changeAttemptsMax = 5

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
    const now = clock.now()
    const document = await asAllowed(caller, kind, body, parseDocument(kind, body))
    const auth = authOf(options, caller, { kind, document })
    const id = randomUUID()
    await checkSaved(caller, kind, { id, document })
    const etag = newEtag(now)
    const stored: Record<string, unknown> = { ...document, auth: undefined, state: 'enabled' }
    // The platform makes a base connection for the lake by itself; clients read its id.
    if (kind === 'sourceConnections') stored['baseConnectionId'] = lakeConnectionId(caller.sandbox.id)
    if (kind === 'flows') stored['lastOperation'] = operation(now, 'create', [])
    await metadata.transaction(async (tx) => {
      if (kind === 'flows') await checkFlowCount(tx, caller)
      await lockReferences(tx, caller, kind, document)
      if (kind === 'flows') {
        const datasetIds = await datasetIdsOf(tx, caller, document as FlowDocument)
        stored['firstDatasetId'] = datasetIds[0]
        stored['startSequences'] = await settleStarts(tx, caller, datasetIds)
      }
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
      if (kind === 'flows') await scheduleFlow({ jobs, tx, caller }, id, stored as Stored<'flows'>)
      await audit(tx, caller, 'create', kind, { id, name: document.name })
      if (kind === 'flows') await auditDatasets(tx, caller, { id, after: document as FlowDocument })
    })
    if (kind === 'flows') jobs.ring()
    return { id, etag, ...(await warningsOf(caller, kind, document)) }
  }

  /** A rule that refuses what is saved is on record, as rights are. */
  async function checkSaved<K extends EntityKind>(
    caller: Caller,
    kind: K,
    {
      id,
      document,
      checkMoved,
    }: {
      readonly id: string
      readonly document: EntityDocuments[K]
      /** Of flows that a change takes along to another place. */
      readonly checkMoved?: () => Promise<void>
    },
  ): Promise<void> {
    try {
      await checkDocument(options, caller, kind, document)
      await checkMoved?.()
    } catch (error) {
      if (error instanceof AppError && error.detail?.['rule'] !== undefined) {
        const asset = { id, name: document.name, rule: error.detail['rule'], reason: error.message }
        await metadata.transaction((tx) => audit(tx, caller, 'Dataset Activate', kind, asset, 'Deny'))
      }
      throw error
    }
  }

  /** What is odd about a flow that was saved all the same. */
  async function warningsOf<K extends EntityKind>(
    caller: Caller,
    kind: K,
    document: EntityDocuments[K],
  ): Promise<{ readonly warnings?: readonly string[] }> {
    if (kind !== 'flows') return {}
    const { scheduleParams: params } = document as FlowDocument
    const datasetIds = await datasetIdsOf(metadata.db, caller, document as FlowDocument)
    const warnings = await overlapWarnings(options, caller, { params, datasetIds, isRun: false })
    return warnings.length === 0 ? {} : { warnings }
  }

  /** What the organisation's own limits make of a document. */
  async function asAllowed<K extends EntityKind>(
    caller: Caller,
    kind: K,
    body: unknown,
    document: EntityDocuments[K],
  ): Promise<EntityDocuments[K]> {
    checkSpecVersion(body, 'connectionSpec')
    const { isStrict } = await selectExportSettings(metadata.db, caller.principal.organizationId)
    if (!isStrict) return document
    checkCompatibility(kind, body, document)
    return kind === 'flows'
      ? (withEnd(document as FlowDocument, clock.now()) as EntityDocuments[K])
      : document
  }

  /** A source connection names datasets. */
  async function requireRead(caller: Caller, kind: EntityKind): Promise<void> {
    await require(access, caller, 'view-destinations')
    if (kind === 'sourceConnections') await require(access, caller, 'view-datasets')
  }

  async function entity(caller: Caller, kind: EntityKind, id: string) {
    await requireRead(caller, kind)
    if (kind === 'connections' && id === lakeConnectionId(caller.sandbox.id)) return lakeConnection(caller)
    const row = isUuid(id) ? await selectEntity(metadata.db, caller.sandbox.id, kind, id) : undefined
    if (!row) throw unknownResource(kind, id)
    const [document] = await documentsOf(caller, kind, [row])
    return document!
  }

  async function entities(caller: Caller, kind: EntityKind, query: Parameters<Exports['entities']>[2]) {
    await requireRead(caller, kind)
    const rows = await selectEntities(metadata.db, caller.sandbox.id, kind)
    return pageOf(await documentsOf(caller, kind, rows), query)
  }

  async function documentsOf(caller: Caller, kind: EntityKind, rows: readonly EntityRow[]) {
    const related = kind === 'connections' ? [] : await relatedRows(caller, kind)
    const lastRuns =
      kind === 'flows'
        ? await selectLastRuns(
            metadata.db,
            rows.map((row) => row.id),
          )
        : []
    const byId = new Map(related.map((row) => [row.id, row]))
    const runOf = new Map(lastRuns.map((run) => [run.flow_id, run]))
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
        requireVersion(etag, row.etag)
        const before = kind === 'connections' ? await openAuth(secrets, row) : undefined
        const patched = patchEntityDocument(withAuth(row.document, before), patch)
        const { state, ...rest } = patched
        if (!isSame(rest['connectionSpec'], row.document['connectionSpec']))
          throw new AppError('flow.invalid', '/connectionSpec: what a connection is of does not change.', {
            detail: { field: '/connectionSpec', flowCode: 'FLOW-1414-400' },
          })
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
        const document = await asAllowed(caller, kind, rest, parseDocument(kind, rest))
        const auth = authOf(options, caller, { kind, document })
        if (before && auth) checkGiven(caller, row, { before, after: auth, patch })
        const checkMoved = async () => {
          if (kind === 'targetConnections')
            await checkFlowsOf(options, caller, { ...row, document: { ...document } })
          if (before && auth) await checkFlowsThrough(options, caller, row, { before, after: auth })
        }
        await checkSaved(caller, kind, { id, document, checkMoved })
        const kept = {
          state: stateOf(row),
          ...keptFields(kind, row, kind === 'flows' ? operation(clock.now(), 'update', patch) : undefined),
        }
        if (!auth) return { ...document, ...kept }
        return {
          ...document,
          ...kept,
          auth: isSame(auth.secret, before?.secret) ? sameSecret(row, auth) : auth,
        }
      },
      write: async (tx, document, row) => {
        await lockReferences(tx, caller, kind, document)
        if (kind === 'flows') {
          const flow = document as Stored<'flows'>
          await scheduleFlow({ jobs, tx, caller }, id, flow)
          const datasetIds = await datasetIdsOf(tx, caller, flow)
          const before = await datasetIdsOf(tx, caller, readDocument('flows', row.document))
          const joining = datasetIds.filter((datasetId) => !before.includes(datasetId))
          await updateBeginsAnew(tx, id, { joining, isOnlyNew: isOnlyNew(flow) })
          const settled = row.document['startSequences']
          return { ...flow, startSequences: await settleStarts(tx, caller, datasetIds, settled) }
        }
        if (kind === 'connections')
          await moveLane({ jobs, tx, caller }, id, document as Stored<'connections'>)
        const auth = kind === 'connections' ? (document as { auth?: DestinationAuth }).auth : undefined
        if (!auth?.secret) return document
        await forgetAuth(secrets, tx, row)
        return { ...document, auth: await sealAuth(secrets, tx, auth, ownerOf(caller, clock.now())) }
      },
    })
  }

  async function setFlowEnabled(caller: Caller, flowId: FlowId, isEnabled: boolean, etag?: string) {
    await require(access, caller, 'manage-dataset-destinations')
    return await change(caller, 'flows', flowId, {
      action: isEnabled ? 'enable' : 'disable',
      prepare: async (row) => {
        if (etag !== undefined) requireVersion(etag, row.etag)
        const { state: _state, ...rest } = row.document
        const document = readDocument('flows', rest)
        if (isEnabled) await checkSaved(caller, 'flows', { id: flowId, document })
        const last = operation(clock.now(), isEnabled ? 'enable' : 'disable', [])
        return {
          ...document,
          ...keptFields('flows', row, last),
          state: isEnabled ? 'enabled' : 'disabled',
        }
      },
      write: async (tx, document) => {
        await scheduleFlow({ jobs, tx, caller }, flowId, document)
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
      /** In the audit log; absent: that it was updated. */
      readonly action?: string
      /** Returns what is stored. */
      readonly write: (tx: Transaction, document: Stored<K>, row: EntityRow) => Promise<object>
    },
  ) {
    for (let attempt = 1; attempt <= changeAttemptsMax; attempt += 1) {
      const before = isUuid(id) ? await selectEntity(metadata.db, caller.sandbox.id, kind, id) : undefined
      if (!before) throw unknownResource(kind, id)
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
        await audit(tx, caller, steps.action ?? 'update', kind, { id, name: document.name })
        if (kind === 'flows')
          await auditDatasets(tx, caller, {
            id,
            before: readDocument('flows', row.document),
            after: document as FlowDocument,
          })
        return true
      })
      if (!isWritten) continue
      if (kind === 'flows') jobs.ring()
      const isOn = document.state === 'enabled'
      return { id, etag, ...(isOn ? await warningsOf(caller, kind, document) : {}) }
    }
    throw new AppError('flow.version', `${kind} ${id} changes too often to be changed once more.`)
  }

  async function deleteEntity(caller: Caller, kind: EntityKind, id: string): Promise<void> {
    await requireChange(options, caller, kind)
    await metadata.transaction(async (tx) => {
      const row = isUuid(id) ? await lockEntity(tx, caller.sandbox.id, kind, id) : undefined
      if (!row) throw unknownResource(kind, id)
      await refuseUsed(tx, caller, kind, id)
      const now = clock.now()
      await updateEntity(tx, id, { updated_at: now, updated_by: caller.principal.id, deleted_at: now })
      if (kind === 'flows') {
        await jobs.removeSchedule(tx, 'export', id)
        await deleteAlerts(tx, caller.sandbox.id, { assetId: id })
      }
      if (kind === 'connections') await forgetAuth(secrets, tx, row)
      await audit(tx, caller, 'delete', kind, { id, name: String(row.document['name']) })
    })
    if (kind !== 'flows') return
    for (const run of await selectUnfinishedRuns(metadata.db, { flowId: id }))
      await jobs.cancel(run.id, caller.principal.id)
  }

  /** Which datasets a flow delivers from now on, and which no more. */
  async function auditDatasets(
    tx: Transaction,
    caller: Caller,
    flow: { readonly id: string; readonly before?: FlowDocument; readonly after: FlowDocument },
  ): Promise<void> {
    const [before, after] = [
      flow.before ? await datasetIdsOf(tx, caller, flow.before) : [],
      await datasetIdsOf(tx, caller, flow.after),
    ]
    const asset = { id: flow.id, name: flow.after.name }
    for (const datasetId of after.filter((one) => !before.includes(one)))
      await audit(tx, caller, 'Dataset Activate', 'flows', { ...asset, datasetId })
    for (const datasetId of before.filter((one) => !after.includes(one)))
      await audit(tx, caller, 'Dataset Remove', 'flows', { ...asset, datasetId })
  }

  async function audit(
    tx: Transaction,
    caller: Caller,
    action: string,
    kind: EntityKind,
    { id, name, ...detail }: { readonly id: string; readonly name: string; readonly [key: string]: unknown },
    status: 'Allow' | 'Deny' = 'Allow',
  ) {
    await access.audit(
      {
        principalId: caller.principal.id,
        sandboxId: caller.sandbox.id,
        action,
        assetType: kind === 'flows' ? 'Destination' : 'Destination Account',
        assetId: id,
        status,
        detail: { assetName: name, ...detail },
      },
      tx,
    )
  }

  return { createEntity, entity, entities, patchEntity, deleteEntity, setFlowEnabled }
}

/** How a connection logs in, checked. */
function authOf<K extends EntityKind>(
  options: Pick<EntitiesOptions, 'allowsServerIdentity'>,
  caller: Caller,
  { kind, document }: { readonly kind: K; readonly document: EntityDocuments[K] },
): DestinationAuth | undefined {
  if (kind !== 'connections') return undefined
  const connection = document as EntityDocuments['connections']
  const destination = destinationKindOf(connection.connectionSpec.id)
  const parsed = destination && parseAuth(destination, connection.auth)
  checkAccount(parsed, connection)
  checkIdentity(parsed, options)
  return parsed && withOwnExternalId(parsed, caller.sandbox.id)
}

/** As a client sends it, for its patches. */
function withAuth(document: Readonly<Record<string, unknown>>, auth: DestinationAuth | undefined) {
  if (!auth) return document
  return { ...document, auth: { specName: auth.specName, params: { ...auth.params, ...auth.secret } } }
}

/**
 * Who does not know what is secret has it given to nobody of his own choice: where he names another server he says the
 * secret, too.
 * @throws AppError 'flow.invalid'
 */
function checkGiven(
  { principal }: Caller,
  row: EntityRow,
  change: { readonly before: DestinationAuth; readonly after: DestinationAuth; readonly patch: unknown },
): void {
  const { before, after, patch } = change
  const field = givenElsewhere(before, after)
  if (field === undefined || (storedAuth(row.document)?.authorizedBy ?? row.created_by) === principal.id)
    return
  const hidden = randomUUID()
  const secret = Object.fromEntries(Object.keys(before.secret ?? {}).map((name) => [name, hidden]))
  const { auth } = patchEntityDocument(withAuth(row.document, { ...before, secret }), patch)
  const { params } = auth as { readonly params: Readonly<Record<string, unknown>> }
  const kept = Object.keys(params).find((name) => params[name] === hidden)
  if (kept === undefined) return
  throw new AppError(
    'flow.invalid',
    `/auth/params/${field}: somebody else gave this account its secret, which the other server would learn.`,
    { hint: `Send /auth/params/${kept} with it.`, detail: { field: `/auth/params/${field}` } },
  )
}

/** What is secret did not change: the row goes on with the one it has. */
function sameSecret(row: EntityRow, auth: DestinationAuth) {
  const { expiresAt: _before, ...stored } = storedAuth(row.document) ?? {}
  return { ...stored, specName: auth.specName, params: auth.params, ...expiryOf(auth) }
}

function ownerOf({ principal, sandbox }: Caller, now: Date) {
  const { id: principalId, organizationId } = principal
  return { organizationId, sandboxId: sandbox.id, principalId, now }
}

/** What the server keeps of an entity beside what clients send. */
function keptFields(kind: EntityKind, { document }: EntityRow, lastOperation: unknown) {
  if (kind === 'sourceConnections') return { baseConnectionId: document['baseConnectionId'] }
  if (kind !== 'flows') return {}
  const { firstDatasetId, startSequences } = document
  return { firstDatasetId, startSequences, lastOperation }
}

/** As the platform tells of it; here every operation is over when it is answered. */
function operation(now: Date, name: string, ops: unknown) {
  const at = now.getTime()
  return {
    started: at,
    updated: at,
    percentCompleted: 100,
    status: { value: 'completed', errors: [] },
    ops,
    operation: name,
  }
}

function stateOf(row: EntityRow): State {
  return row.document['state'] === 'disabled' ? 'disabled' : 'enabled'
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
