import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { fileFormat } from '#formats/file-format.ts'
import { canonicalJson, sha256Hex } from './canonical-json.ts'
import { deliveredContent } from './delivered-content.ts'
import { recordRange } from './record-time.ts'
import { isSignedBy, type SigningKey } from './signing-key.ts'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const count = z.int().nonnegative()
/** Below the location, with `/`. */
const name = z
  .string()
  .min(1)
  .refine((text) => text.split('/').every((part) => part !== '' && part !== '.' && part !== '..'))

/**
 * What a delivery consists of, written last. It is valid when its signature is and its bytes are the canonical JSON of
 * what they say. Manifests of one export and dataset form a chain: numbered from 1 without a gap, each naming the
 * SHA-256 of the bytes before it.
 */
const manifestBody = z.strictObject({
  format: z.literal('sluice-manifest'),
  version: z.literal(1),
  exportId: z.uuid(),
  exportName: z.string(),
  datasetId: z.string().regex(/^[0-9a-f]{24}$/),
  datasetName: z.string(),
  /** What makes a dataset like it again, beside its columns; absent in manifests of before deliveries could be restored. */
  dataset: z
    .strictObject({
      tableName: z.string().optional(),
      schemaId: z.string(),
      behavior: z.enum(['time-series', 'record', 'adhoc']),
    })
    .optional(),
  runId: z.uuid(),
  chain: z.strictObject({
    number: z.int().positive(),
    /** Absent in the first; `isElsewhere`: the export went to another location then, or left its manifest with the server. */
    previous: z.strictObject({ sha256, isElsewhere: z.boolean() }).optional(),
    /** Where the increments stand, when the delivery is beside them: absent, they stand at `throughSequence`. */
    watermark: count.optional(),
    /** The source was restored from a backup of this commit since the delivery before: later ones are others than then. */
    resetTo: count.optional(),
  }),
  content: deliveredContent,
  /** The run whose rows are delivered again: whoever has those needs none of these. */
  repeats: z.uuid().optional(),
  source: z.strictObject({
    tableId: z.uuid(),
    /** Absent: the table had no rows yet. */
    snapshotId: z
      .string()
      .regex(/^\d{1,19}$/)
      .optional(),
    /** Commits in (afterSequence, throughSequence]. */
    afterSequence: count,
    throughSequence: count,
    /** All rows of the table with `throughSequence`: fewer than were delivered if some were removed since. */
    tableRowCount: count.optional(),
    /** Only rows of these times. */
    records: recordRange.optional(),
    /** Rows that are older than those, and not delivered. */
    skippedRowCount: count.optional(),
    /** Of what was read of the table: columns and range, without the snapshot. */
    queryFingerprint: sha256,
  }),
  schema: z.strictObject({
    fingerprint: sha256,
    /** Types as Spark's DDL has them, odd names of fields between backticks. */
    columns: z.array(z.strictObject({ name: z.string(), type: z.string() })),
  }),
  fileFormat,
  /** Absent: files are as `fileFormat` says. Else each is encrypted, whole; bytes and hashes are of what is delivered. */
  encryption: z.strictObject({ kind: z.literal('pgp'), fingerprint: z.string() }).optional(),
  files: z.array(
    z.strictObject({
      name,
      bytes: count,
      sha256,
      rowCount: count,
      /** By column path, as the engine prints values, in UTC. */
      statistics: z.record(
        z.string(),
        z.strictObject({
          min: z.string().optional(),
          max: z.string().optional(),
          nullCount: count.optional(),
        }),
      ),
    }),
  ),
  /** Files that hold no rows: the platform's own manifest, the marker of completion. */
  companions: z.array(z.strictObject({ name, bytes: count, sha256 })),
  rowCount: count,
  bytes: count,
  scheduledAt: z.iso.datetime(),
  sealedAt: z.iso.datetime(),
  /** Ed25519, SPKI in DER, base64. */
  publicKey: z.string().min(1),
})

const signedManifest = manifestBody.extend({ signature: z.string().min(1) })

export type ManifestBody = z.infer<typeof manifestBody>
export type Manifest = z.infer<typeof signedManifest>
export type ManifestFile = Manifest['files'][number]

export interface SealedManifest {
  readonly manifest: Manifest
  /** The bytes as they are delivered. */
  readonly text: string
  readonly sha256: string
}

export function signManifest(body: Omit<ManifestBody, 'publicKey'>, key: SigningKey): SealedManifest {
  const complete = manifestBody.parse({ ...body, publicKey: key.publicKey })
  const manifest: Manifest = { ...complete, signature: key.sign(canonicalJson(complete)) }
  const text = canonicalJson(manifest)
  return { manifest, text, sha256: sha256Hex(text) }
}

/**
 * Reads a manifest back.
 * @throws AppError 'verify.failed' saying what is wrong with it
 */
export function readManifest(bytes: string | Uint8Array): SealedManifest {
  const text = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('utf8')
  const manifest = parseManifest(text)
  if (canonicalJson(manifest) !== text)
    throw new AppError('verify.failed', 'The manifest was altered: its bytes are not as they were written.')
  const { signature, ...body } = manifest
  if (!isSignedBy(manifest.publicKey, canonicalJson(body), signature))
    throw new AppError('verify.failed', 'The manifest was altered: its signature does not fit.')
  return { manifest, text, sha256: sha256Hex(bytes) }
}

function parseManifest(text: string): Manifest {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new AppError('verify.failed', 'The manifest is not whole JSON.', { cause: error })
  }
  const version = versionOf(value)
  if (version > 1)
    throw new AppError('verify.failed', `The manifest is of version ${version}, made by a newer Sluice.`, {
      hint: 'Use that version, or a newer one.',
    })
  const parsed = signedManifest.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new AppError(
    'verify.failed',
    `The manifest is not of the form of this version: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    { cause: parsed.error },
  )
}

function versionOf(value: unknown): number {
  const { version } = (value ?? {}) as { readonly version?: unknown }
  return typeof version === 'number' ? version : 1
}

/** Up to which commit the increments of a chain have been delivered with this link. */
export function watermarkOf({ chain, source }: Pick<Manifest, 'chain' | 'source'>): number {
  return chain.watermark ?? source.throughSequence
}
