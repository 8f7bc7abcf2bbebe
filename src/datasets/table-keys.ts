import { AppError } from '#base/errors.ts'
import { lockDatasetsOf } from '#metadata/datasets.ts'
import { type DescriptorRow, selectDescriptors } from '#metadata/identities.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { Descriptors } from '#schemas/descriptors.ts'
import { pointerStep } from '#schemas/json.ts'
import { findNamespace } from '#schemas/namespaces.ts'
import { type DataType, sparkName } from '#types/data-type.ts'
import type { Caller, Dataset } from './datasets.ts'

/**
 * Keys and identities that statements give to tables. Nothing enforces them: they are descriptors of the table's schema,
 * so that the schema registry shows them too, and only a table that shares its schema with no other can have them.
 */
export interface TableKeys {
  /** One for each column of a key, in order of their making. */
  list(caller: Caller, datasets: readonly Dataset[]): Promise<readonly KeyColumn[]>
  /**
   * Doing it again changes nothing.
   * @throws AppError 'query.unknown_column', 'query.type' for a column that cannot be one, 'namespace.unknown',
   *   'schema.conflict' for a schema that others share
   */
  add(caller: Caller, dataset: Dataset, key: NewKey): Promise<void>
  /** @throws AppError 'query.unknown' when the table has no such key */
  drop(caller: Caller, dataset: Dataset, key: Pick<NewKey, 'kind' | 'columns'>): Promise<void>
}

export type KeyKind = 'primaryKey' | 'primaryIdentity' | 'identity' | 'foreignKey'

export interface NewKey {
  readonly kind: KeyKind
  readonly columns: readonly (readonly string[])[]
  readonly namespace?: string | undefined
  /** Of a foreign key: as many columns. */
  readonly referenced?: { readonly dataset: Dataset; readonly columns: readonly (readonly string[])[] }
}

export interface KeyColumn {
  readonly kind: KeyKind
  readonly dataset: Dataset
  readonly column: string
  readonly type: DataType
  readonly namespace: string | undefined
  readonly referenced: { readonly dataset: Dataset; readonly column: string } | undefined
}

const descriptorTypes = {
  primaryKey: 'xdm:descriptorPrimaryKey',
  primaryIdentity: 'xdm:descriptorIdentity',
  identity: 'xdm:descriptorIdentity',
  foreignKey: 'xdm:descriptorRelationship',
} as const satisfies Readonly<Record<KeyKind, string>>

export function createTableKeys({
  metadata,
  descriptors,
}: {
  readonly metadata: Metadata
  readonly descriptors: Descriptors
}): TableKeys {
  return {
    async list(caller, datasets) {
      const bySchema = new Map(datasets.map((dataset) => [dataset.schemaId, dataset]))
      const rows = await selectDescriptors(metadata.db, caller.sandbox.id, [...bySchema.keys()])
      return rows.flatMap((row) => keyColumns(row, bySchema))
    },

    async add(caller, dataset, key) {
      const paths = key.columns.map((column) => pathOf(dataset, column, key.kind))
      const referenced = key.referenced
      const targets = referenced?.columns.map((column) => pathOf(referenced.dataset, column, 'foreignKey'))
      if (targets && targets.length !== paths.length) {
        throw new AppError(
          'schema.conflict',
          `${paths.length} columns refer to ${targets.length}: there must be as many.`,
        )
      }
      const namespace = await namespaceOf(metadata, caller, key.namespace)
      await metadata.transaction(async (tx) => {
        const sharing = await lockDatasetsOf(tx, caller.sandbox.id, dataset.schemaId)
        if (sharing.length <= 1) return
        throw new AppError(
          'schema.conflict',
          `${sharing.length} datasets have the schema of this table, so that it can have no keys of its own.`,
          { hint: 'Say what the fields are with descriptors of the schema.' },
        )
      })
      const known = await ownRows(metadata, caller, dataset, key.kind)
      for (const { paths: sources, extra } of parts(key.kind, paths, { namespace, referenced, targets })) {
        if (known.some((row) => row.source_property === sources.join(','))) continue
        await descriptors.create(caller, {
          '@type': descriptorTypes[key.kind],
          'xdm:sourceSchema': dataset.schemaId,
          'xdm:sourceVersion': 1,
          'xdm:sourceProperty': sources.length === 1 ? sources[0] : sources,
          ...extra,
        })
      }
    },

    async drop(caller, dataset, { kind, columns }) {
      const paths = columns.map(pointer)
      const rows = await ownRows(metadata, caller, dataset, kind)
      const wanted = kind === 'primaryKey' ? [paths.join(',')] : paths
      const found = rows.filter((row) => wanted.includes(row.source_property))
      if (found.length < wanted.length) {
        throw new AppError(
          'query.unknown',
          `The table ${JSON.stringify(dataset.tableName)} has no such key on ${columns.map((path) => path.join('.')).join(', ')}.`,
          { hint: 'See them with SHOW PRIMARY KEYS, SHOW FOREIGN KEYS and SHOW IDENTITIES.' },
        )
      }
      for (const { id } of found) await descriptors.delete(caller, id)
    },
  }
}

interface Said {
  readonly namespace: string | undefined
  readonly referenced: NewKey['referenced']
  readonly targets: readonly string[] | undefined
}

/** What is one descriptor: a primary key is one of all its columns, everything else one of each. */
function parts(
  kind: KeyKind,
  paths: readonly string[],
  { namespace, referenced, targets }: Said,
): readonly { readonly paths: readonly string[]; readonly extra: Readonly<Record<string, unknown>> }[] {
  const named = namespace === undefined ? {} : { 'xdm:namespace': namespace, 'xdm:property': 'xdm:code' }
  if (kind === 'primaryKey') return [{ paths, extra: named }]
  return paths.map((path, index) => ({
    paths: [path],
    extra:
      kind === 'foreignKey'
        ? {
            'xdm:destinationSchema': referenced?.dataset.schemaId,
            'xdm:destinationVersion': 1,
            'xdm:destinationProperty': targets?.[index],
            'xdm:cardinality': 'M:1',
          }
        : { ...named, 'xdm:isPrimary': kind === 'primaryIdentity' },
  }))
}

async function ownRows(
  { db }: Metadata,
  caller: Caller,
  dataset: Dataset,
  kind: KeyKind,
): Promise<DescriptorRow[]> {
  const rows = await selectDescriptors(db, caller.sandbox.id, [dataset.schemaId])
  return rows.filter((row) => kindOf(row) === kind)
}

function kindOf({ type, document }: DescriptorRow): KeyKind | undefined {
  switch (type) {
    case 'xdm:descriptorPrimaryKey':
      return 'primaryKey'
    case 'xdm:descriptorRelationship':
      return 'foreignKey'
    case 'xdm:descriptorIdentity':
      return (document as Readonly<Record<string, unknown>>)['xdm:isPrimary'] === true
        ? 'primaryIdentity'
        : 'identity'
    default:
      return undefined
  }
}

function keyColumns(row: DescriptorRow, bySchema: ReadonlyMap<string, Dataset>): KeyColumn[] {
  const kind = kindOf(row)
  const dataset = bySchema.get(row.source_schema)
  if (!kind || !dataset) return []
  const target = bySchema.get(textOf(row.document, 'xdm:destinationSchema') ?? '')
  const targetPath = textOf(row.document, 'xdm:destinationProperty')
  return row.source_property.split(',').flatMap((path) => {
    const steps = stepsOf(path)
    const type = typeAt(dataset, steps)
    if (!type) return []
    return {
      kind,
      dataset,
      column: steps.join('.'),
      type,
      namespace: textOf(row.document, 'xdm:namespace'),
      referenced:
        target && targetPath !== undefined
          ? { dataset: target, column: stepsOf(targetPath).join('.') }
          : undefined,
    }
  })
}

function textOf(document: unknown, key: string): string | undefined {
  const value = (document as Readonly<Record<string, unknown>>)[key]
  return typeof value === 'string' ? value : undefined
}

/** The column's path in the schema, spelt as the schema has it. */
function pathOf(dataset: Dataset, column: readonly string[], kind: KeyKind): string {
  const steps: string[] = []
  let type: DataType = dataset.schema
  for (const name of column) {
    const field = fieldOf(type, name)
    if (!field) {
      throw new AppError(
        'query.unknown_column',
        `The table ${JSON.stringify(dataset.tableName)} has no column ${JSON.stringify(column.join('.'))}.`,
        { hint: `See its columns with DESCRIBE ${dataset.tableName}.` },
      )
    }
    steps.push(field.name)
    type = field.type
  }
  const isIdentity = kind === 'identity' || kind === 'primaryIdentity'
  if (isIdentity ? type.kind !== 'string' : ['struct', 'array', 'map'].includes(type.kind)) {
    throw new AppError(
      'query.type',
      `${JSON.stringify(column.join('.'))} is ${sparkName(type)}: ${isIdentity ? 'an identity is a text' : 'a key is a simple column'}.`,
    )
  }
  return pointer(steps)
}

function fieldOf(
  type: DataType,
  name: string,
): { readonly name: string; readonly type: DataType } | undefined {
  if (type.kind !== 'struct') return undefined
  return type.fields.find((field) => field.name.toLowerCase() === name.toLowerCase())
}

function typeAt(dataset: Dataset, steps: readonly string[]): DataType | undefined {
  let type: DataType | undefined = dataset.schema
  for (const step of steps) type = type && fieldOf(type, step)?.type
  return type
}

function pointer(steps: readonly string[]): string {
  return steps.map((step) => `/${pointerStep(step)}`).join('')
}

function stepsOf(path: string): string[] {
  return path
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

async function namespaceOf(
  { db }: Metadata,
  caller: Caller,
  code: string | undefined,
): Promise<string | undefined> {
  if (code === undefined) return undefined
  const namespace = await findNamespace(db, caller, { code })
  if (namespace) return namespace.code
  throw new AppError('namespace.unknown', `There is no identity namespace ${JSON.stringify(code)}.`, {
    hint: 'Make it first, or take one there is, such as ECID.',
  })
}
