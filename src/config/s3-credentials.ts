import type { Config } from './config.ts'

/** What opens buckets; undefined: what the machine itself has. */
export function s3Credentials({ s3: { accessKeyId, secretAccessKey, sessionToken } }: Config) {
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined
  return {
    accessKeyId,
    secretAccessKey: secretAccessKey.reveal(),
    sessionToken: sessionToken?.reveal(),
  }
}
