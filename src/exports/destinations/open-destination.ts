import { randomUUID } from 'node:crypto'
import type { SecretStore } from '#access/secret-store.ts'
import { assert } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { selectConnection, lockConnection, updateConnectionDocument } from '#metadata/exports.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { ObjectStore } from '#objects/object-store.ts'
import { openStore } from '#objects/open-store.ts'
import { openAuth, storedAuth } from '../documents/connection-secret.ts'
import { checkIdentity } from '../documents/destination-auth.ts'
import { destinationKindOf } from '../destination-specs.ts'
import { destinationStore } from './destination-store.ts'
import type { LandingPlace } from './landing-place.ts'
import { locationOf, type Target } from './target.ts'

export interface OpenDestinationOptions {
  readonly metadata: Metadata
  readonly secrets: SecretStore
  readonly allowsServerIdentity: boolean
  readonly landing: LandingPlace
}

/** As a plan or a part has it. */
export interface PlannedTarget {
  readonly target: Target
  /** Absent: nobody logs in there. */
  readonly connectionId?: string | undefined
}

/** A run that waits for a place that is silent keeps others from theirs. */
const openMsMax = 60_000

/**
 * Opens a place of deliveries with what its connection has now: credentials may have changed since it was planned, the
 * place has not.
 * @throws AppError 'flow.unknown' when the connection was deleted, 'store.…'
 */
export async function openDestination(
  options: OpenDestinationOptions,
  planned: PlannedTarget,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<ObjectStore> {
  const late = AbortSignal.timeout(openMsMax)
  try {
    return await open(options, planned, signal ? AbortSignal.any([signal, late]) : late)
  } catch (error) {
    if (error !== late.reason || !late.aborted) throw error
    throw new AppError(
      'store.unreachable',
      `${locationOf(planned.target)} said nothing for ${openMsMax / 1_000} seconds.`,
    )
  }
}

async function open(
  { metadata, secrets, allowsServerIdentity, landing }: OpenDestinationOptions,
  { target, connectionId }: PlannedTarget,
  signal: AbortSignal,
): Promise<ObjectStore> {
  if (landing.isZone(target)) return await landing.openTarget(target, { signal })
  assert(target.kind !== 'landing', 'a landing target is in a landing zone')
  if (target.kind === 'local' || connectionId === undefined) return await openStore(target)
  const row = await selectConnection(metadata.db, connectionId)
  const kind = destinationKindOf(specIdOf(row?.document))
  if (!row || !kind)
    throw new AppError('flow.unknown', `The export's connection ${connectionId} was deleted.`)
  const auth = await openAuth(secrets, row)
  checkIdentity(auth, { allowsServerIdentity })
  const { credentials } = destinationStore(kind, auth, placeOf(target))
  if (target.kind !== 'sftp') return await openStore(target, credentials, { signal })
  const pinned = storedAuth(row.document)?.params['hostKey']
  let seen: string | undefined
  const store = await openStore(
    { ...target, ...(typeof pinned === 'string' ? { hostKey: pinned } : {}) },
    credentials,
    { onHostKey: (fingerprint) => void (seen = fingerprint), signal },
  )
  try {
    if (seen !== undefined) await pinHostKey(metadata, connectionId, { seen, location: store.location })
    return store
  } catch (error) {
    await store[Symbol.asyncDispose]()
    throw error
  }
}

function specIdOf(document: Readonly<Record<string, unknown>> | undefined): string {
  const spec = document?.['connectionSpec'] as { readonly id?: string } | undefined
  return spec?.id ?? ''
}

/** Only the credentials are wanted; the place was decided by the plan. */
function placeOf(target: Target) {
  return {
    ...(target.kind === 's3' || target.kind === 'gcs' ? { bucketName: target.bucket } : {}),
    ...(target.kind === 'azure' ? { container: target.container } : {}),
  }
}

/** From now on the server is known by this key; whoever was first to see it decides. */
async function pinHostKey(
  metadata: Metadata,
  connectionId: string,
  { seen, location }: { readonly seen: string; readonly location: string },
): Promise<void> {
  await metadata.transaction(async (tx) => {
    const row = await lockConnection(tx, connectionId)
    const auth = row && storedAuth(row.document)
    if (!row || !auth) return
    const known = auth.params['hostKey']
    if (known === seen) return
    if (known !== undefined) {
      throw new AppError(
        'store.refused',
        `The server at ${location} has the key ${seen}, not ${JSON.stringify(known)}.`,
        {
          hint: 'Two servers answer under one name, or somebody stands between.',
        },
      )
    }
    const document = { ...row.document, auth: { ...auth, params: { ...auth.params, hostKey: seen } } }
    await updateConnectionDocument(tx, connectionId, {
      document: JSON.stringify(document),
      etag: `"${randomUUID()}"`,
    })
  })
}
