import { AppError } from '#base/errors.ts'
import { type RemoteStoreConfig, storeConfig } from './open-store.ts'

/**
 * The store that `s3://bucket/prefix` names.
 * @throws AppError 'config.invalid'
 */
export function remoteStoreOf(
  location: string,
  server: { readonly region: string; readonly endpoint?: string | undefined },
): RemoteStoreConfig {
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)(?:\/(.*))?$/.exec(location) ?? []
  const parsed = storeConfig.safeParse({
    kind: 's3',
    bucket,
    prefix: prefix.replaceAll(/^\/+|\/+$/g, ''),
    region: server.region,
    ...(server.endpoint === undefined ? {} : { endpoint: server.endpoint }),
  })
  if (parsed.success && parsed.data.kind === 's3') return parsed.data
  throw new AppError('config.invalid', `${JSON.stringify(location)} is no location of a store.`, {
    hint: 'Write s3://BUCKET or s3://BUCKET/PREFIX.',
  })
}
