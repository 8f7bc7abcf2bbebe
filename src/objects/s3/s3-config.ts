import { z } from 'zod'
import { objectLock } from '../remote/object-lock.ts'
import { type RemotePolicy, remotePolicy, writeMsMax } from '../remote/policy.ts'
import { prefixText } from '../remote/prefix.ts'

/** Where the objects are; never a secret, so that it can be stored with what it delivers. */
export const s3StoreConfig = z.strictObject({
  kind: z.literal('s3'),
  bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'expected the name of a bucket'),
  prefix: prefixText,
  /**
   * Google's XML interface speaks S3 without its conditions and its CRC-32: a name is looked at before it is written,
   * and names that are never used twice do the rest.
   */
  dialect: z.literal('google').optional(),
  region: z.string().min(1),
  /** By the bucket's own object lock. */
  objectLock: objectLock.optional(),
  /** Absent: Amazon's. */
  endpoint: z.url({ protocol: /^https?$/ }).optional(),
  /** `endpoint/bucket/key`, or else `bucket.endpoint/key`; absent: as servers of one's own mostly have it. */
  forcePathStyle: z.boolean().optional(),
})

export type S3StoreConfig = z.infer<typeof s3StoreConfig>

/** Absent, the usual chain of Amazon's clients finds them: variables, profiles, the machine's role. */
export type S3Credentials = S3Key | { readonly role: AssumedRole }

export interface S3Key {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/** Somebody else's account lets us act in a role of it. */
export interface AssumedRole {
  readonly arn: string
  /** What the role's trust policy asks for, so that nobody else can have us act in it. */
  readonly externalId?: string | undefined
  /** Absent: Amazon's in the region. */
  readonly stsEndpoint?: string | undefined
  /** Who asks for the role; absent, as for `S3Credentials`. */
  readonly key?: S3Key | undefined
}

/** What a test may set otherwise. */
export type S3Policy = RemotePolicy
export const s3Policy: S3Policy = remotePolicy

/** Twice as long as a writer may take: clocks differ, and an hour costs nothing. */
export const unfinishedAgeMsMin = 2 * writeMsMax
