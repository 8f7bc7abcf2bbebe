import type * as Sdk from '@aws-sdk/client-s3'
import type { Remote } from '../remote/ask.ts'
import type { S3Failure } from './failure.ts'
import type { S3StoreConfig } from './s3-config.ts'

/** One bucket, and how it is asked. */
export interface Connection extends Remote<S3Failure> {
  readonly sdk: typeof Sdk
  readonly client: Sdk.S3Client
  readonly bucket: string
  /** Whether the store takes conditions and CRC-32; where not, MD5 and a look before. */
  readonly isConditional: boolean
  readonly objectLock: S3StoreConfig['objectLock']
}
