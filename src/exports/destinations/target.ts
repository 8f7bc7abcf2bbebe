import { z } from 'zod'
import { unreachable } from '#base/assert.ts'
import { storeConfig } from '#objects/open-store.ts'

/**
 * In the bucket that landing zones are in, of whichever server: what opens it is ours, and its name must be none that a
 * destination of somebody else's can have. Zones in the home are folders that no other destination may be.
 */
const landingTarget = z.strictObject({ kind: z.literal('landing'), bucket: z.string(), prefix: z.string() })

/** Where a run delivers, as its plan keeps it; never a secret. */
export const target = z.discriminatedUnion('kind', [...storeConfig.options, landingTarget])

export type Target = z.infer<typeof target>

const googleEndpoint = 'https://storage.googleapis.com'

/** The server that an account names itself; undefined: the vendor's own, or one that the location says. */
export function endpointOf(target: Target): string | undefined {
  switch (target.kind) {
    case 's3':
      return target.dialect === 'google' && target.endpoint === googleEndpoint ? undefined : target.endpoint
    case 'gcs':
      return target.endpoint
    case 'azure':
      // Connection strings spell it out.
      return target.endpoint === `https://${target.account}.blob.core.windows.net`
        ? undefined
        : target.endpoint
    case 'local':
    case 'sftp':
    case 'landing':
      return undefined
    default:
      return unreachable(target)
  }
}

/** What the place is called in records and rules: the same for as long as it is the same place. */
export function locationOf(target: Target): string {
  switch (target.kind) {
    case 'local':
      return target.folder
    case 's3':
      return below(`${target.dialect === 'google' ? 'gs' : 's3'}://${target.bucket}`, target.prefix)
    case 'gcs':
      return below(`gs://${target.bucket}`, target.prefix)
    case 'azure':
      return below(`az://${target.account}/${target.container}`, target.prefix)
    case 'sftp': {
      const { host, port, username, folder } = target
      return `sftp://${username}@${host}:${port}${folder.startsWith('/') ? folder : `/~/${folder}`}`
    }
    case 'landing':
      return below(`landing://${target.bucket}`, target.prefix)
    default:
      return unreachable(target)
  }
}

/** The folder that files are delivered below, without what leads there. */
export function folderOf(target: Target): string {
  return target.kind === 'local' || target.kind === 'sftp' ? target.folder : target.prefix
}

function below(place: string, prefix: string): string {
  return prefix === '' ? place : `${place}/${prefix}`
}
