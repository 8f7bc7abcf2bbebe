import { z } from 'zod'
import { prefixText } from '../remote/prefix.ts'

/** @see https://cloud.google.com/storage/docs/buckets#naming */
export const gcsBucketName = z
  .string()
  .regex(/^(?!goog)[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/, 'expected the name of a bucket')

/** Where the objects are, by the JSON interface; never a secret. */
export const gcsStoreConfig = z.strictObject({
  kind: z.literal('gcs'),
  bucket: gcsBucketName,
  prefix: prefixText,
  /** Absent: Google's. */
  endpoint: z.url({ protocol: /^https?$/ }).optional(),
})

export type GcsStoreConfig = z.infer<typeof gcsStoreConfig>

/** The file that Google gives for a service account. */
export interface GcsCredentials {
  readonly serviceAccountKey: string
}
