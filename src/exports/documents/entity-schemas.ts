import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { type FileFormat, fileFormat } from '#formats/file-format.ts'
import {
  audienceFlowSpecIds,
  connectionSpecIds,
  dataLakeSpecId,
  destinationSpecs,
  flowSpecIds,
  landingZoneSpecId,
} from '../destination-specs.ts'
import type { EntityKind } from '../entity-kind.ts'
import { scheduleParams } from './schedule-params.ts'

/** Of one flow. */
const datasetsMax = 100
const nameText = z.string().min(1).max(500)
const spec = (id: string, what: string) =>
  z
    .looseObject({
      id: z.literal(id, { error: `is the id of ${what}: ${id}` }),
      version: z.string().default('1.0'),
    })
    .transform((value) => ({ ...value, id }))

/** Of one of the kinds of destinations. */
const destinationSpec = (ids: readonly string[], what: string) =>
  z
    .looseObject({
      id: z.string().refine((id) => ids.includes(id), {
        error: ({ input }) =>
          audienceFlowSpecIds.includes(String(input))
            ? 'is for audiences; here datasets are exported'
            : `is the id of ${what} that is known here`,
      }),
      version: z.string().default('1.0'),
    })
    .transform((value) => ({ ...value, id: value.id }))

const upperCase = z.string().transform((text) => text.toUpperCase())
const booleanText = z.preprocess(
  (value) =>
    typeof value === 'string' ? ({ true: true, false: false }[value.toLowerCase()] ?? value) : value,
  z.boolean(),
)

const connection = z.looseObject({
  name: nameText,
  description: z.string().optional(),
  connectionSpec: destinationSpec(connectionSpecIds, 'a destination').default({
    id: landingZoneSpecId,
    version: '1.0',
  }),
  /** How to log in; never stored as it comes. */
  auth: z.unknown().optional(),
  /** For whom delivered files are encrypted. */
  encryptionSpecs: z
    .preprocess(
      (value) => (Array.isArray(value) ? (value as unknown[])[0] : value),
      z.looseObject({
        specName: z.string().optional(),
        params: z.looseObject({
          encryptionAlgo: upperCase.pipe(z.enum(['PGPGPG', 'NONE'])).default('PGPGPG'),
          publicKey: z.string().optional(),
        }),
      }),
    )
    .optional(),
  /** Runs that deliver there at the same time, whatever flow they are of. */
  parallelRunsMax: z.int().min(1).max(100).optional(),
})

const sourceConnection = z.looseObject({
  name: nameText,
  description: z.string().optional(),
  connectionSpec: spec(dataLakeSpecId, 'the data lake'),
  params: z.looseObject({
    datasets: z
      .array(z.looseObject({ dataSetId: z.string(), name: z.string().optional() }))
      .min(1, 'holds at least one dataset')
      .max(datasetsMax, `holds at most ${datasetsMax} datasets: make another export`)
      .refine((list) => new Set(list.map(({ dataSetId }) => dataSetId)).size === list.length, {
        error: 'holds no dataset twice',
      }),
  }),
})

const targetParams = z.looseObject({
  mode: z.string().default('Server-to-server'),
  /** A folder, or what names begin with in the bucket or container. */
  path: z.string().max(1_000).default(''),
  bucketName: z.string().optional(),
  container: z.string().optional(),
  remotePath: z.string().optional(),
  datasetFileType: upperCase
    // As the public client calls it.
    .transform((kind) => (kind === 'DELIMITED' ? 'CSV' : kind))
    .pipe(z.enum(['PARQUET', 'JSON', 'CSV'])),
  /** Absent: what the file type does best. */
  compression: upperCase.pipe(z.enum(['NONE', 'GZIP', 'ZSTD', 'SNAPPY'])).optional(),
  includeFileManifest: booleanText.default(false),
  /** Ours, signed, which names what a delivery consists of; without it a delivery is nothing but data. */
  includeSignedManifest: booleanText.default(true),
  /** An empty file of this name and the run's id, made last of all. */
  completionMarker: z
    .string()
    .regex(/^[\w-][\w.-]{0,63}$/, 'is a file name of letters, digits, dots, - and _')
    .optional(),
  /** Below the run's folder, rows have folders by their own time. */
  recordTimeFolders: z.enum(['month', 'day', 'hour']).optional(),
  includeSystemColumns: booleanText.default(false),
  /** What is delivered cannot be changed or deleted for so long, by the store's own lock. */
  objectLock: z
    .strictObject({
      mode: upperCase.pipe(z.enum(['GOVERNANCE', 'COMPLIANCE'])),
      days: z.int().min(1).max(36_500),
    })
    .optional(),
  /** A file has at most so many bytes, as far as that can be reckoned while it is written. */
  fileBytesMax: z
    .int()
    .min(1024 * 1024)
    .max(16 * 1024 * 1024 * 1024)
    .optional(),
})

/** Of stores that lock objects by themselves. */
const lockingSpecIds: readonly string[] = (['s3', 'azure', 'adls'] as const).map(
  (kind) => destinationSpecs[kind].connectionSpecId,
)

const targetConnection = z
  .looseObject({
    name: nameText,
    description: z.string().optional(),
    baseConnectionId: z.uuid(),
    connectionSpec: destinationSpec(connectionSpecIds, 'a destination'),
    params: targetParams,
  })
  .refine(
    ({ connectionSpec, params }) =>
      params.objectLock === undefined || lockingSpecIds.includes(connectionSpec.id),
    {
      path: ['params', 'objectLock'],
      error: 'is of Amazon S3 and Azure; elsewhere nothing that is delivered is locked by Sluice',
    },
  )

const flow = z.looseObject({
  name: nameText,
  description: z.string().optional(),
  flowSpec: destinationSpec(flowSpecIds, 'datasets to a destination'),
  sourceConnectionIds: z.array(z.uuid()).length(1, 'holds one source connection'),
  targetConnectionIds: z.array(z.uuid()).length(1, 'holds one target connection'),
  transformations: z.array(z.unknown()).max(0, 'is an empty list').default([]),
  scheduleParams,
})

export type ConnectionDocument = z.infer<typeof connection>
export type SourceConnectionDocument = z.infer<typeof sourceConnection>
export type TargetConnectionDocument = z.infer<typeof targetConnection>
export type TargetParams = z.infer<typeof targetParams>
export type FlowDocument = z.infer<typeof flow>

export interface EntityDocuments {
  readonly connections: ConnectionDocument
  readonly sourceConnections: SourceConnectionDocument
  readonly targetConnections: TargetConnectionDocument
  readonly flows: FlowDocument
}

const schemas: { readonly [K in EntityKind]: z.ZodType<EntityDocuments[K]> } = {
  connections: connection,
  sourceConnections: sourceConnection,
  targetConnections: targetConnection,
  flows: flow,
}

/** What the server sets itself: clients that send back what they read don't change it. */
const serverFields = [
  'id',
  'etag',
  'version',
  'createdAt',
  'createdBy',
  'createdClient',
  'updatedAt',
  'updatedBy',
  'updatedClient',
  'sandboxId',
  'sandboxName',
  'imsOrgId',
  'inheritedAttributes',
  'lastRunDetails',
  'lastOperation',
  'firstDatasetId',
  'startSequences',
  'runs',
] as const

/** @throws AppError 'flow.invalid' naming the first field that is wrong */
export function parseDocument<K extends EntityKind>(kind: K, body: unknown): EntityDocuments[K] {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new AppError('flow.invalid', 'A JSON object was expected.', {
      detail: { flowCode: 'FLOW-1405-400' },
    })
  const document = Object.fromEntries(
    Object.entries(body).filter(([key]) => !(serverFields as readonly string[]).includes(key)),
  )
  const parsed = schemas[kind].safeParse(document)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const field = `/${issue?.path.join('/') ?? ''}`
  throw new AppError('flow.invalid', `${field}: ${issue?.message ?? 'is not as expected'}`, {
    detail: { field, ...(/[sS]pec\/id$/.test(field) ? { flowCode: 'FLOW-1413-400' } : {}) },
  })
}

/** Documents of ours, read back: what was valid when it was stored. */
export function readDocument<K extends EntityKind>(kind: K, stored: unknown): EntityDocuments[K] {
  return schemas[kind].parse(stored)
}

export function fileFormatOf(params: TargetParams): FileFormat {
  const kind = params.datasetFileType.toLowerCase()
  const compression = params.compression ?? (kind === 'parquet' ? 'ZSTD' : 'GZIP')
  const parsed = fileFormat.safeParse({ kind, compression: compression.toLowerCase() })
  if (parsed.success) return parsed.data
  throw new AppError(
    'flow.invalid',
    `/params/compression: files of ${params.datasetFileType} are not compressed by ${compression}.`,
    { detail: { field: '/params/compression' } },
  )
}
