import type { Access } from '#access/access.ts'
import type { SecretStore } from '#access/secret-store.ts'
import { AppError } from '#base/errors.ts'
import type { Caller } from '#datasets/datasets.ts'
import { selectEntities, selectEntity } from '#metadata/exports.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { openAuth } from './connection-secret.ts'
import { destinationKindOf } from './destination-specs.ts'
import { destinationStore } from './destination-store.ts'
import { readDocument } from './entity-schemas.ts'
import type { ConnectionTest } from './exports.ts'
import type { LandingPlace } from './landing-place.ts'
import { openDestination } from './open-destination.ts'
import { locationOf } from './target.ts'

/** Places of one account that a test looks at. */
const placesMax = 5
/** Of all of them: whoever asks waits for the answer. */
const testMs = 15_000

export interface TestConnectionOptions {
  readonly metadata: Metadata
  readonly access: Access
  readonly secrets: SecretStore
  readonly allowsServerIdentity: boolean
  readonly landing: LandingPlace
}

/**
 * Logs in as a run would and lists what is there. An account alone names no bucket: the places of its target connections
 * are tried, and where there is none the account's own, if it has one.
 */
export async function testConnection(
  options: TestConnectionOptions,
  caller: Caller,
  id: string,
): Promise<ConnectionTest> {
  const { metadata, access, secrets } = options
  const { principal, sandbox } = caller
  await access.require({ principal, permission: 'view-destinations', sandboxId: sandbox.id })
  const row = await selectEntity(metadata.db, sandbox.id, 'connections', id)
  const kind = row && destinationKindOf(readDocument('connections', row.document).connectionSpec.id)
  if (!row || !kind)
    throw new AppError('flow.unknown', `The requested connections resource ${id} is not found.`, {
      detail: { id, type: 'connections' },
    })
  if (kind === 'local')
    return { result: true, places: [], tried: 'Nothing: a folder of the server needs no account.' }
  if (kind === 'landing') {
    await options.landing.test(sandbox.id, { signal: AbortSignal.timeout(testMs) })
    return { result: true, places: [], tried: 'The landing zone was listed.' }
  }
  const auth = await openAuth(secrets, row)
  const targets = (await selectEntities(metadata.db, sandbox.id, 'targetConnections'))
    .filter(({ document }) => document['baseConnectionId'] === id)
    .slice(0, placesMax)
    .map(({ document }) => readDocument('targetConnections', document).params)
  const hasPlace = kind === 'sftp' || (kind === 'adls' && typeof auth?.params['url'] === 'string')
  const asked = targets.length === 0 && hasPlace ? [{ path: '', remotePath: '' }] : targets
  const places: string[] = []
  const late = AbortSignal.timeout(testMs)
  for (const place of asked) {
    const { config } = destinationStore(kind, auth, place)
    try {
      await using store = await openDestination(
        options,
        { target: config, connectionId: id },
        { signal: late },
      )
      for await (const _first of store.list('', { signal: late })) break
      places.push(store.location)
    } catch (error) {
      if (!late.aborted || error !== late.reason) throw error
      const seconds = testMs / 1_000
      throw new AppError(
        'store.unreachable',
        `${locationOf(config)} did not answer within ${seconds} seconds.`,
      )
    }
  }
  const tried =
    places.length > 0
      ? `${places.length === 1 ? 'The place was' : 'The places were'} listed.`
      : 'Nothing but the form: the account names no place, and no target connection has one yet. Test it again then.'
  return { result: true, places, tried }
}
