import { z } from 'zod'
import { isObjectName } from '../object-name.ts'

/** Where the objects are; never a secret, so that it can be stored with what it delivers. */
export const s3StoreConfig = z.strictObject({
  kind: z.literal('s3'),
  bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'expected the name of a bucket'),
  /** Every key begins with it and a slash; empty: the whole bucket. */
  prefix: z
    .string()
    .default('')
    .refine(
      (prefix) => prefix === '' || isObjectName(prefix),
      'expected folders, A/B, without empty ones or ".."',
    ),
  region: z.string().min(1),
  /** Absent: Amazon's. A server of one's own is addressed by paths, `endpoint/bucket/key`. */
  endpoint: z.url({ protocol: /^https?$/ }).optional(),
})

export type S3StoreConfig = z.infer<typeof s3StoreConfig>

/** Absent, the usual chain of Amazon's clients finds them: variables, profiles, the machine's role. */
export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/** What a test may set otherwise. */
export interface S3Policy {
  /** Tries of one request, and tries of a reading that make no progress. */
  readonly triesMax: number
  readonly firstWaitMs: number
  readonly maxWaitMs: number
  readonly connectMsMax: number
  /** Until a request is answered; a body gets `bodyBytesPerMs` on top. */
  readonly answerMsMax: number
  /** Until an upload is completed: the store puts its parts together meanwhile. */
  readonly completeMsMax: number
  /** Between two pieces of an answer's body. */
  readonly idleMsMax: number
  /** Slower than this an upload is given up and tried again. */
  readonly bodyBytesPerMs: number
  /** Of one part of a large object: 10 000 of them are the most there can be. */
  readonly partBytes: number
  /** Parts of one object under way at a time; each is held in memory. */
  readonly partsAtOnce: number
  /** Names of one page of a listing. */
  readonly listedAtOnce: number
  /** Connections to the store. */
  readonly socketsMax: number
}

export const s3Policy: S3Policy = {
  triesMax: 6,
  firstWaitMs: 100,
  maxWaitMs: 5_000,
  connectMsMax: 5_000,
  answerMsMax: 30_000,
  completeMsMax: 300_000,
  idleMsMax: 30_000,
  bodyBytesPerMs: 256,
  partBytes: 8 * 1024 * 1024,
  partsAtOnce: 2,
  listedAtOnce: 1_000,
  socketsMax: 32,
}

/** An object is written within this span, or not at all. */
export const writeMsMax = 12 * 3_600_000
/** Twice as long: clocks differ, and an hour costs nothing. */
export const unfinishedAgeMsMin = 2 * writeMsMax
