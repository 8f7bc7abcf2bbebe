import type { DataType, StructType } from '#types/data-type.ts'
import type { Dataset } from './datasets.ts'

/** How a dataset's rows lie in the lake, decided from its columns when it is made. */
export interface Layout {
  readonly behavior: Dataset['behavior']
  readonly dayColumn?: string
  /** Person first, then time. */
  readonly clusterBy: readonly string[]
}

/** Columns that often name the person, the likeliest first; compared without case. */
const personColumns = [
  'person_id',
  'user_pseudo_id',
  'visitor_id',
  'user_id',
  'customer_id',
  'personid',
  'ecid',
]

/**
 * Experience events (a `timestamp` and an `_id`) are time series. Anything with a `timestamp` is partitioned by its day.
 * What the schema's class says goes before that; columns without a schema are ad hoc.
 */
export function layoutOf(
  schema: StructType,
  { isAdHoc, behavior }: { readonly isAdHoc: boolean; readonly behavior: Dataset['behavior'] | undefined },
): Layout {
  const time = schema.fields.find((field) => field.name === 'timestamp' && field.type.kind === 'timestamp')
  const hasId = schema.fields.some((field) => field.name === '_id' && field.type.kind === 'string')
  const person = personPath(schema)
  return {
    behavior: behavior ?? (time && hasId ? 'time-series' : isAdHoc ? 'adhoc' : 'record'),
    ...(time ? { dayColumn: time.name } : {}),
    clusterBy: [...(person === undefined ? [] : [person]), ...(time ? [sparkIdentifier(time.name)] : [])],
  }
}

/** The SQL path, in Spark's syntax, of the value that most likely says whose row it is. */
function personPath(schema: StructType): string | undefined {
  const identityMap = schema.fields.find((field) => field.name === 'identityMap')
  if (identityMap && isIdentityMap(identityMap.type)) return "identityMap['ECID'][0].id"
  for (const name of personColumns) {
    const column = schema.fields.find(
      (field) => field.name.toLowerCase() === name && ['string', 'long', 'integer'].includes(field.type.kind),
    )
    if (column) return sparkIdentifier(column.name)
  }
  return undefined
}

/** `map<string, array<struct<id: string, …>>>` */
function isIdentityMap(type: DataType): boolean {
  if (type.kind !== 'map' || type.value.kind !== 'array' || type.value.element.kind !== 'struct') return false
  return type.value.element.fields.some((field) => field.name === 'id' && field.type.kind === 'string')
}

function sparkIdentifier(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : `\`${name.replaceAll('`', '``')}\``
}
