import type { SecretStore } from '#access/secret-store.ts'
import { AppError } from '#base/errors.ts'
import type { SandboxId } from '#base/ids.ts'
import { selectEntity } from '#metadata/exports.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { openAuth } from '../documents/connection-secret.ts'
import type { DestinationKind } from '../destination-specs.ts'
import { destinationStore } from './destination-store.ts'
import type { TargetParams } from '../documents/entity-schemas.ts'
import type { LandingPlace } from './landing-place.ts'
import { checkTargetFolder } from './target-folder.ts'
import type { Target } from './target.ts'

/**
 * The store that a target connection means now.
 * @throws AppError 'flow.unknown' when its connection was deleted, 'flow.invalid'
 */
export async function targetStore(
  {
    metadata,
    secrets,
    home,
    landing,
  }: {
    readonly metadata: Metadata
    readonly secrets: SecretStore
    readonly home: string
    readonly landing: LandingPlace
  },
  sandboxId: SandboxId,
  request: { readonly kind: DestinationKind; readonly target: TargetParams; readonly connectionId: string },
): Promise<Target> {
  const { kind, target, connectionId } = request
  if (kind === 'landing') return landing.target(sandboxId, target.path)
  if (kind === 'local') return { kind, ...(await checkTargetFolder(target.path, home)) }
  const row = await selectEntity(metadata.db, sandboxId, 'connections', connectionId)
  if (!row) throw new AppError('flow.unknown', `The export's connection ${connectionId} was deleted.`)
  const { config } = destinationStore(kind, await openAuth(secrets, row), target)
  if (config.kind !== 'sftp') return config
  const { hostKey: _pinned, ...place } = config // Of the connection, not of the place.
  return place
}
