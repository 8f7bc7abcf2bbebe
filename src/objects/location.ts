import { unreachable } from '#base/assert.ts'
import type { StoreConfig } from './open-store.ts'

/** What a store's place is called in records of ours: the same for as long as it is the same place. */
export function locationOf(config: StoreConfig): string {
  switch (config.kind) {
    case 'local':
      return config.folder
    case 's3':
      return below(`${config.dialect === 'google' ? 'gs' : 's3'}://${config.bucket}`, config.prefix)
    case 'gcs':
      return below(`gs://${config.bucket}`, config.prefix)
    case 'azure':
      return below(`az://${config.account}/${config.container}`, config.prefix)
    case 'sftp': {
      const { host, port, username, folder } = config
      return `sftp://${username}@${host}:${port}${folder.startsWith('/') ? folder : `/~/${folder}`}`
    }
    default:
      return unreachable(config)
  }
}

/** The folder that files are delivered below, without what leads there. */
export function folderOf(config: StoreConfig): string {
  return config.kind === 'local' || config.kind === 'sftp' ? config.folder : config.prefix
}

function below(place: string, prefix: string): string {
  return prefix === '' ? place : `${place}/${prefix}`
}
