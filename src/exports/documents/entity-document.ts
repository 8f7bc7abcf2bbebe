import { unreachable } from '#base/assert.ts'
import type { PrincipalId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { EntityRow } from '#metadata/exports.ts'
import type { RunRow } from '#metadata/jobs.ts'
import { type StoredAuth, storedAuth } from './connection-secret.ts'

type Json = Record<string, unknown>

interface Context {
  readonly caller: Caller
  /** Entities this one may name. */
  readonly byId: ReadonlyMap<string, EntityRow>
  readonly lastRun: RunRow | undefined
}

/** An entity as clients read it: what was sent, and what the server says of it. Secrets never come back. */
export function entityDocument(row: EntityRow, context: Context): Json {
  const { auth: _auth, firstDatasetId: _first, startSequences: _starts, ...document } = row.document
  const auth = storedAuth(row.document)
  return {
    id: row.id,
    ...auditFields(row, context.caller),
    ...document,
    ...(auth ? { auth: { specName: auth.specName, params: shownParams(auth) } } : {}),
    version: row.etag,
    etag: row.etag,
    ...inherited(row, context),
    ...(row.kind === 'flows' ? flowFields(row, context.lastRun) : {}),
  }
}

function shownParams({ params, authorizedDate, expiresAt }: StoredAuth): Json {
  return { ...params, authorizedDate, ...(expiresAt === undefined ? {} : { expiresAt }) }
}

export function auditFields(
  row: Pick<EntityRow, 'created_at' | 'created_by' | 'updated_at' | 'updated_by'>,
  { principal, sandbox }: Caller,
): Json {
  return {
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
    createdBy: userText(row.created_by),
    updatedBy: userText(row.updated_by),
    createdClient: 'sluice',
    updatedClient: 'sluice',
    sandboxId: sandbox.id,
    sandboxName: sandbox.name,
    imsOrgId: principal.organizationId,
  }
}

function userText(principalId: PrincipalId): string {
  return `${principalId.replaceAll('-', '').toUpperCase()}@AdobeID`
}

function inherited(row: EntityRow, { byId }: Context): Json {
  const { document } = row
  if (row.kind === 'connections') return {}
  if (row.kind !== 'flows') return { inheritedAttributes: baseConnection(document, byId) }
  return {
    inheritedAttributes: {
      properties: { isDestinationFlow: true },
      sourceConnections: connections(document['sourceConnectionIds'], byId),
      targetConnections: connections(document['targetConnectionIds'], byId),
    },
  }
}

function connections(ids: unknown, byId: Context['byId']): Json[] {
  return (Array.isArray(ids) ? ids : []).map((id: string) => {
    const row = byId.get(id)
    return row
      ? { id, connectionSpec: row.document['connectionSpec'], ...baseConnection(row.document, byId) }
      : { id }
  })
}

function baseConnection(document: Json, byId: Context['byId']): Json {
  const id = document['baseConnectionId']
  if (typeof id !== 'string') return {}
  const connectionSpec = byId.get(id)?.document['connectionSpec'] ?? document['connectionSpec']
  return { baseConnection: { id, connectionSpec } }
}

function flowFields(row: EntityRow, run: RunRow | undefined): Json {
  const lastRun = run && {
    id: run.id,
    state: flowState(run.state),
    ...(run.started_at ? { startedAtUTC: run.started_at.getTime() } : {}),
    ...(run.finished_at ? { completedAtUTC: run.finished_at.getTime() } : {}),
  }
  return { runs: `/runs?property=flowId==${row.id}`, ...(lastRun ? { lastRunDetails: lastRun } : {}) }
}

/** The platform's four words for our states. */
export function flowState(state: RunRow['state']): 'success' | 'processing' | 'waiting' | 'failed' {
  switch (state) {
    case 'succeeded':
      return 'success'
    case 'running':
    case 'sealed':
      return 'processing'
    case 'queued':
    case 'waiting':
      return 'waiting'
    case 'failed':
    case 'cancelled':
      return 'failed'
    default:
      return unreachable(state)
  }
}
