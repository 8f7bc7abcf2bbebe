import type { Access } from '#access/access.ts'
import type { SecretStore } from '#access/secret-store.ts'
import { assert } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { isUuid } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import { selectEntities, selectEntity } from '#metadata/exports.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { checkAccount } from '#objects/open-store.ts'
import { openAuth } from '../documents/connection-secret.ts'
import { checkIdentity, type DestinationAuth } from '../documents/destination-auth.ts'
import { type DestinationKind, destinationKindOf } from '../destination-specs.ts'
import { destinationStore } from './destination-store.ts'
import { readDocument } from '../documents/entity-schemas.ts'
import type { ConnectionTest } from '../exports.ts'
import type { LandingPlace } from './landing-place.ts'
import { openDestination } from './open-destination.ts'
import { locationOf } from './target.ts'
import { lakeConnectionId } from '../documents/lake-connection.ts'
import { unknownResource } from '../unknown-resource.ts'

/** Places of one account that a test looks at. */
const placesMax = 5
/** Of all of them: whoever asks waits for the answer. */
const testMs = 15_000
/** Of a bucket that nobody asks for. */
const anyName = 'any-name'

export interface TestConnectionOptions {
  readonly metadata: Metadata
  readonly access: Access
  readonly secrets: SecretStore
  readonly allowsServerIdentity: boolean
  readonly landing: LandingPlace
}

/**
 * Logs in as a run would and lists what is there. An account alone names no bucket: the places of its target connections
 * are tried, and where there is none the account's own, if it has one; else it is only asked whether its keys are known.
 */
export async function testConnection(
  options: TestConnectionOptions,
  caller: Caller,
  id: string,
): Promise<ConnectionTest> {
  const { metadata, access, secrets } = options
  const { principal, sandbox } = caller
  await access.require({ principal, permission: 'view-destinations', sandboxId: sandbox.id })
  if (id === lakeConnectionId(sandbox.id))
    return { result: true, places: [], tried: 'Nothing: the lake is the server’s own.' }
  const row = isUuid(id) ? await selectEntity(metadata.db, sandbox.id, 'connections', id) : undefined
  const kind = row && destinationKindOf(readDocument('connections', row.document).connectionSpec.id)
  if (!row || !kind) throw unknownResource('connections', id)
  if (kind === 'local')
    return { result: true, places: [], tried: 'Nothing: a folder of the server needs no account.' }
  if (kind === 'landing') {
    await options.landing.test(sandbox.id, { signal: AbortSignal.timeout(testMs) })
    return { result: true, places: [], tried: 'The landing zone was listed.' }
  }
  const auth = await openAuth(secrets, row)
  const targets = (await selectEntities(metadata.db, sandbox.id, 'targetConnections'))
    .filter(({ document }) => document['baseConnectionId'] === id)
    .map(({ document }) => destinationStore(kind, auth, readDocument('targetConnections', document).params))
  const hasPlace = kind === 'sftp' || (kind === 'adls' && typeof auth?.params['url'] === 'string')
  const asked =
    targets.length === 0 && hasPlace ? [destinationStore(kind, auth, { path: '', remotePath: '' })] : targets
  if (asked.length === 0) return await testAccount(options, kind, auth)
  const configs = new Map(asked.map(({ config }) => [locationOf(config), config]))
  const places: string[] = []
  const late = AbortSignal.timeout(testMs)
  for (const [location, config] of [...configs].slice(0, placesMax)) {
    await inTime(late, location, async () => {
      const target = { target: config, connectionId: id }
      await using store = await openDestination(options, target, { signal: late })
      for await (const _first of store.list('', { signal: late })) break
      places.push(store.location)
    })
  }
  return {
    result: true,
    places,
    tried: `${places.length === 1 ? 'The place was' : 'The places were'} listed.`,
  }
}

/** Of an account that names no place, while no target connection does. */
async function testAccount(
  { allowsServerIdentity }: TestConnectionOptions,
  kind: DestinationKind,
  auth: DestinationAuth | undefined,
): Promise<ConnectionTest> {
  checkIdentity(auth, { allowsServerIdentity })
  const { config, credentials } = destinationStore(kind, auth, { bucketName: anyName, container: anyName })
  assert(config.kind !== 'local' && config.kind !== 'sftp', 'these accounts name a place')
  const late = AbortSignal.timeout(testMs)
  const isAsked = await inTime(late, 'The account', () => checkAccount(config, credentials, { signal: late }))
  const tried = isAsked ? 'The account was asked who it is' : 'Nothing but the form'
  return {
    result: true,
    places: [],
    tried: `${tried}: it names no place, and no target connection has one yet. Test it again then.`,
  }
}

async function inTime<T>(late: AbortSignal, location: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!late.aborted || error !== late.reason) throw error
    throw new AppError('store.unreachable', `${location} did not answer within ${testMs / 1_000} seconds.`)
  }
}
