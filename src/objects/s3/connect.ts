import { type Clock, systemClock } from '#base/clock.ts'
import { keyOf, roleCredentials } from './assume-role.ts'
import type { Connection } from './connection.ts'
import { s3Failures } from './failure.ts'
import { type S3Credentials, type S3Policy, s3Policy, type S3StoreConfig } from './s3-config.ts'

export interface S3StoreOptions {
  readonly credentials?: S3Credentials | undefined
  readonly policy?: S3Policy
  readonly clock?: Clock
  /** Gives up opening. */
  readonly signal?: AbortSignal | undefined
}

/** Asks nobody yet. */
export async function connect(config: S3StoreConfig, options: S3StoreOptions): Promise<Connection> {
  const { credentials, policy = s3Policy, clock = systemClock } = options
  const sdk = await import('@aws-sdk/client-s3') // Not at start: most servers need no S3.
  const client = new sdk.S3Client({
    region: config.region,
    ...(config.endpoint === undefined ? {} : { endpoint: config.endpoint }),
    forcePathStyle: config.forcePathStyle ?? config.endpoint !== undefined,
    ...(credentials
      ? {
          credentials:
            'role' in credentials ? roleCredentials(credentials.role, config.region) : keyOf(credentials),
        }
      : {}),
    // We try again ourselves: only we know which answers may be lost, and what a broken body means.
    maxAttempts: 1,
    // We give and check the checksums ourselves; servers that are not Amazon's reject the trailing ones.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: policy.connectMsMax,
      httpAgent: { maxSockets: policy.socketsMax, keepAlive: true },
      httpsAgent: { maxSockets: policy.socketsMax, keepAlive: true },
    },
  })
  // Asked for by the SDK's own parameter, it would check each object a second time and tell of damage without a code.
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const { headers } = args.request as { readonly headers: Record<string, string> }
        if (commandName === 'GetObjectCommand') headers['x-amz-checksum-mode'] = 'ENABLED'
        return await next(args)
      },
    { step: 'build', name: 'askForChecksums' },
  )
  return {
    sdk,
    client,
    bucket: config.bucket,
    isConditional: config.dialect !== 'google',
    objectLock: config.objectLock,
    location: `${config.dialect === 'google' ? 'gs' : 's3'}://${config.bucket}${config.prefix === '' ? '' : `/${config.prefix}`}`,
    policy,
    clock,
    failures: s3Failures,
  }
}
