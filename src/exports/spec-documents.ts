import { z } from 'zod'
import { authFormsOf } from './documents/destination-auth.ts'
import { keyFormsOf } from './documents/destination-forms.ts'
import { placeForms } from './documents/place-forms.ts'
import { dataLakeSpecId, type DestinationKind, destinationSpecs } from './destination-specs.ts'

export interface SpecDocument extends Record<string, unknown> {
  readonly id: string
  readonly name: string
}

const providerId = '14e34fac-d307-11e9-bb65-2a2ae2dbcce4'
const version = '1.0'
const kinds = Object.keys(destinationSpecs) as DestinationKind[]

function connectionSpec(kind: DestinationKind, isStrict: boolean): SpecDocument {
  const properties = { ...withForms(kind), ...(isStrict ? strictFiles : files) }
  const { name, connectionSpecId } = destinationSpecs[kind]
  return {
    id: connectionSpecId,
    name,
    providerId,
    version,
    authSpec: authFormsOf(kind).map(({ name, type, shape, secrets }) => ({
      name,
      type,
      spec: {
        ...withPasswords(z.toJSONSchema(z.object(shape), { target: 'draft-7', io: 'output' }), secrets),
        ...keyFormsOf(name),
      },
    })),
    encryptionSpecs: kind === 'landing' ? [] : [encryption],
    targetSpec: {
      name: 'User based target',
      type: 'UserNamespace',
      spec: {
        type: 'object',
        properties: isStrict
          ? Object.fromEntries(Object.entries(properties).filter(([key]) => !oursAlone.includes(key)))
          : properties,
        required: requiredOf(kind),
      },
    },
    attributes: {
      category: kind === 'local' ? 'Local' : 'Cloud Storage',
      connectorName: name,
      isSource: false,
      isDestination: true,
      uiAttributes: {},
    },
  }
}

const encryption = {
  name: 'File PGP/GPG Encryption',
  type: 'FileAsymmetric',
  spec: {
    type: 'object',
    properties: {
      publicKey: { type: 'string', contentEncoding: 'base64', description: 'Base64 encoded RSA public key' },
      encryptionAlgo: { type: 'string', default: 'PGPGPG', enum: ['PGPGPG', 'NONE'] },
    },
    required: ['encryptionAlgo', 'publicKey'],
  },
}

const forDatasets = {
  conditional: { field: 'flowSpec.attributes._workflow', operator: 'CONTAINS', value: 'DATASETS' },
}
const files = {
  mode: { type: 'string', const: 'Server-to-server' },
  /** Of audiences; clients look for them. */
  fileType: {},
  csvOptions: {},
  datasetFileType: { ...forDatasets, title: 'File Type', type: 'string', enum: ['JSON', 'PARQUET', 'CSV'] },
  compression: {
    title: 'Compression format',
    type: 'string',
    enum: ['NONE', 'GZIP', 'ZSTD', 'SNAPPY'],
    description: 'SNAPPY for PARQUET only',
  },
  includeFileManifest: { title: 'Include file manifest', type: 'boolean', default: false },
  includeSignedManifest: { title: 'Include signed manifest', type: 'boolean', default: true },
  completionMarker: { title: 'Name of an empty file that is made last', type: 'string', maxLength: 64 },
}
/** As the reference platform has them. */
const strictFiles = {
  ...files,
  datasetFileType: { ...files.datasetFileType, enum: ['JSON', 'PARQUET'] },
  compression: { title: files.compression.title, type: 'string', enum: ['NONE', 'GZIP'] },
}
/** What is refused where the platform's limits are kept to. */
const oursAlone: readonly string[] = ['completionMarker', 'objectLock']
const path = { title: 'Folder path', type: 'string', maxLength: 1_000 }
const bucketName = { title: 'Bucket', type: 'string', minLength: 3, maxLength: 222 }
const container = { title: 'Container', type: 'string' }

const objectLock = {
  title: 'Object lock',
  type: 'object',
  properties: {
    mode: { type: 'string', enum: ['GOVERNANCE', 'COMPLIANCE'] },
    days: { type: 'integer', minimum: 1, maximum: 36_500 },
  },
  required: ['mode', 'days'],
}

const places: Readonly<Record<DestinationKind, Readonly<Record<string, object>>>> = {
  local: { path: { ...path, description: 'Absolute path on the server' } },
  s3: { bucketName, path, objectLock },
  azure: { container, path, objectLock },
  adls: { container: { ...container, description: 'Absent: that of the account' }, path, objectLock },
  gcs: { bucketName, path },
  sftp: { remotePath: { title: 'Folder path', type: 'string' } },
  landing: { path },
}

function withForms(kind: DestinationKind): Record<string, object> {
  return Object.fromEntries(
    Object.entries(places[kind]).map(([key, place]) => {
      const form = placeForms[kind][key]
      return [key, form ? { ...place, pattern: form.source } : place]
    }),
  )
}

function requiredOf(kind: DestinationKind): string[] {
  const own = Object.keys(places[kind]).filter(
    (key) => key !== 'objectLock' && (kind !== 'adls' || key !== 'container'),
  )
  // The type of audiences' files is named, as the platform does, and asked of nobody: the condition says which of both counts.
  return [...own, 'mode', 'datasetFileType', 'compression', 'fileType']
}

function withPasswords(schema: object, secrets: readonly string[]): object {
  const { properties = {}, ...rest } = schema as { properties?: Record<string, object> }
  return {
    ...rest,
    properties: Object.fromEntries(
      Object.entries(properties).map(([key, value]) => [
        key,
        secrets.includes(key) ? { ...value, format: 'password' } : value,
      ]),
    ),
  }
}

export interface Specs {
  readonly connectionSpecs: readonly SpecDocument[]
  readonly flowSpecs: readonly SpecDocument[]
}

/** What kinds of accounts and of exports there are, and what each wants to know. */
function specs(isStrict: boolean): Specs {
  const offered = kinds.filter((kind) => !isStrict || kind !== 'local')
  return {
    connectionSpecs: [dataLake, ...offered.map((kind) => connectionSpec(kind, isStrict))],
    flowSpecs: offered.map(flowSpec),
  }
}

const dataLake: SpecDocument = {
  id: dataLakeSpecId,
  name: 'activation-datalake', // Clients find it by this name.
  providerId,
  version,
  authSpec: [],
  encryptionSpecs: [],
  attributes: { category: 'Data lake', isSource: true, isDestination: false },
}

function flowSpec(kind: DestinationKind): SpecDocument {
  const { name, flowSpecId, connectionSpecId } = destinationSpecs[kind]
  return {
    id: flowSpecId,
    name: `${name} datasets`,
    providerId,
    version,
    sourceConnectionSpecIds: [dataLakeSpecId],
    targetConnectionSpecIds: [connectionSpecId],
    optionSpec: {},
    transformationSpecs: [],
    attributes: { _workflow: ['DATASETS'], frequency: 'batch', isDestinationFlow: true },
  }
}

export const allSpecs = specs(false)
/** Without what organisations are refused that keep to the reference platform's limits. */
export const strictSpecs = specs(true)
