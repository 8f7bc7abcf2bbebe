import { AppError } from '#base/errors.ts'
import { fieldPlaces, type IcebergStruct } from '#types/iceberg.ts'
import { printJson } from './json.ts'
import { currentSnapshot, type SnapshotMetadata, snapshotById, type TableMetadata } from './table-metadata.ts'
import type { TableRequirement, TableUpdate } from './table-update.ts'

/** @throws AppError 'lake.conflict' when the table is not what the commit was made for. */
export function checkRequirements(metadata: TableMetadata, requirements: readonly TableRequirement[]): void {
  for (const requirement of requirements) {
    const [found, wanted] = compared(metadata, requirement)
    if (found === wanted) continue
    throw new AppError(
      'lake.conflict',
      `The table has changed: ${requirement.type} expects ${String(wanted)} and finds ${String(found)}.`,
      {
        hint: 'Read the table again and make the change on what it is now.',
        detail: { requirement: requirement.type },
      },
    )
  }
}

/** What is, and what should be. */
function compared(metadata: TableMetadata, requirement: TableRequirement): readonly [unknown, unknown] {
  switch (requirement.type) {
    case 'assert-table-uuid':
      return [metadata['table-uuid'], requirement.uuid]
    case 'assert-ref-snapshot-id':
      return [metadata.refs[requirement.ref]?.['snapshot-id'], requirement['snapshot-id'] ?? undefined]
    case 'assert-last-assigned-field-id':
      return [metadata['last-column-id'], requirement['last-assigned-field-id']]
    case 'assert-current-schema-id':
      return [metadata['current-schema-id'], requirement['current-schema-id']]
    case 'assert-last-assigned-partition-id':
      return [metadata['last-partition-id'], requirement['last-assigned-partition-id']]
    case 'assert-default-spec-id':
      return [metadata['default-spec-id'], requirement['default-spec-id']]
    case 'assert-default-sort-order-id':
      return [metadata['default-sort-order-id'], requirement['default-sort-order-id']]
  }
}

/** Ids given by the updates before: `-1` in a later one means "the one just added". */
interface Added {
  schema: number
  spec: number
  order: number
}

/**
 * The metadata after the updates, applied in order. Pure; `metadata-log` is the business of whoever writes the file.
 * @throws AppError 'lake.conflict' for a stale snapshot, 'request.invalid' for what leads to no table of ours
 */
export function applyUpdates(
  metadata: TableMetadata,
  updates: readonly TableUpdate[],
  nowMs: number,
): TableMetadata {
  const added: Added = { schema: -1, spec: -1, order: -1 }
  const next = updates.reduce((table, update) => applied(table, update, added), metadata)
  const newest = currentSnapshot(next)?.['timestamp-ms'] ?? 0
  return { ...next, 'last-updated-ms': Math.max(nowMs, metadata['last-updated-ms'], newest) }
}

function applied(table: TableMetadata, update: TableUpdate, added: Added): TableMetadata {
  switch (update.action) {
    case 'assign-uuid':
      if (update.uuid !== table['table-uuid']) throw refused('A table keeps its uuid.')
      return table
    case 'upgrade-format-version':
      if (update['format-version'] !== 2) throw refused('Tables have format version 2 here.')
      return table
    case 'set-location':
      if (update.location.replace(/\/$/, '') !== table.location) throw refused('A table keeps its location.')
      return table
    case 'add-schema': {
      const [schemas, id] = withItem(table.schemas, 'schema-id', update.schema)
      added.schema = id
      const ids = Array.from(fieldPlaces(update.schema as unknown as IcebergStruct), (place) => place.id)
      return { ...table, schemas, 'last-column-id': Math.max(table['last-column-id'], ...ids) }
    }
    case 'set-current-schema': {
      const id = chosen(update['schema-id'], added.schema)
      mustExist(
        table.schemas.some((schema) => schema['schema-id'] === id),
        `schema ${id}`,
      )
      return { ...table, 'current-schema-id': id }
    }
    case 'add-spec': {
      const [specs, id] = withItem(table['partition-specs'], 'spec-id', update.spec)
      added.spec = id
      const last = Math.max(
        table['last-partition-id'],
        ...update.spec.fields.map((field) => field['field-id']),
      )
      return { ...table, 'partition-specs': specs, 'last-partition-id': last }
    }
    case 'set-default-spec': {
      const id = chosen(update['spec-id'], added.spec)
      mustExist(
        table['partition-specs'].some((spec) => spec['spec-id'] === id),
        `partition spec ${id}`,
      )
      return { ...table, 'default-spec-id': id }
    }
    case 'add-sort-order': {
      const [orders, id] = withItem(table['sort-orders'], 'order-id', update['sort-order'])
      added.order = id
      return { ...table, 'sort-orders': orders }
    }
    case 'set-default-sort-order': {
      const id = chosen(update['sort-order-id'], added.order)
      mustExist(
        table['sort-orders'].some((order) => order['order-id'] === id),
        `sort order ${id}`,
      )
      return { ...table, 'default-sort-order-id': id }
    }
    case 'add-snapshot':
      return withSnapshot(table, update.snapshot)
    case 'set-snapshot-ref': {
      const { action: _, 'ref-name': name, ...ref } = update
      const snapshot = snapshotById(table, ref['snapshot-id'])
      if (!snapshot) throw refused(`The table has no snapshot ${ref['snapshot-id']}.`)
      const refs = { ...table.refs, [name]: ref }
      return name === 'main' ? withCurrent({ ...table, refs }, snapshot) : { ...table, refs }
    }
    case 'remove-snapshot-ref': {
      if (update['ref-name'] === 'main') throw refused('A table keeps its main branch.')
      const { [update['ref-name']]: _, ...refs } = table.refs
      return { ...table, refs }
    }
    case 'remove-snapshots':
      return withoutSnapshots(table, new Set(update['snapshot-ids']))
    case 'set-properties':
      return { ...table, properties: { ...table.properties, ...update.updates } }
    case 'remove-properties': {
      const removals = new Set(update.removals)
      const kept = Object.entries(table.properties).filter(([name]) => !removals.has(name))
      return { ...table, properties: Object.fromEntries(kept) }
    }
    case 'set-statistics':
      return withStatistics(table, 'statistics', update.statistics['snapshot-id'], update.statistics)
    case 'remove-statistics':
      return withStatistics(table, 'statistics', update['snapshot-id'])
    case 'set-partition-statistics': {
      const statistics = update['partition-statistics']
      return withStatistics(table, 'partition-statistics', statistics['snapshot-id'], statistics)
    }
    case 'remove-partition-statistics':
      return withStatistics(table, 'partition-statistics', update['snapshot-id'])
    case 'remove-partition-specs':
    case 'remove-schemas':
      // They stay: files of before are read with them, and they take no room to speak of.
      return table
  }
}

/** The list with the item under an id of its own, and that id; an item that says the same is there already. */
function withItem<K extends string, T extends Readonly<Record<K, number>>>(
  list: readonly T[],
  key: K,
  item: T,
): readonly [T[], number] {
  const content = (value: T): string =>
    printJson(Object.entries({ ...value, [key]: 0 }).toSorted(([left], [right]) => (left < right ? -1 : 1)))
  const same = list.find((candidate) => content(candidate) === content(item))
  if (same) return [Array.from(list), same[key]]
  const taken = list.map((candidate) => candidate[key])
  const id = item[key] < 0 || taken.includes(item[key]) ? Math.max(-1, ...taken) + 1 : item[key]
  return [[...list, { ...item, [key]: id }], id]
}

function withSnapshot(table: TableMetadata, snapshot: SnapshotMetadata): TableMetadata {
  const sequence = snapshot['sequence-number']
  if (sequence <= table['last-sequence-number']) {
    throw new AppError(
      'lake.conflict',
      `The snapshot has the sequence number ${sequence}, and the table is at ${table['last-sequence-number']}.`,
      { hint: 'Read the table again and make the change on what it is now.' },
    )
  }
  return {
    ...table,
    snapshots: [...table.snapshots, snapshot],
    'last-sequence-number': sequence,
  }
}

function withCurrent(table: TableMetadata, snapshot: SnapshotMetadata): TableMetadata {
  const id = snapshot['snapshot-id']
  if (table['current-snapshot-id'] === id) return table
  // A table that goes back to an older snapshot does so after what it was before.
  const last = table['snapshot-log'].at(-1)?.['timestamp-ms'] ?? 0
  const timestampMs = Math.max(snapshot['timestamp-ms'], last)
  return {
    ...table,
    'current-snapshot-id': id,
    'snapshot-log': [...table['snapshot-log'], { 'snapshot-id': id, 'timestamp-ms': timestampMs }],
  }
}

function withoutSnapshots(table: TableMetadata, removed: ReadonlySet<bigint>): TableMetadata {
  const kept = Object.entries(table.refs).find(([, ref]) => removed.has(ref['snapshot-id']))
  if (kept) throw refused(`The snapshot ${kept[1]['snapshot-id']} is that of ${kept[0]}.`)
  // A history with a gap would tell of a time what was not true then.
  const gap = table['snapshot-log'].findLastIndex((entry) => removed.has(entry['snapshot-id']))
  const statistics = (key: 'statistics' | 'partition-statistics'): object =>
    key in table
      ? { [key]: statisticsOf(table, key).filter((item) => !removed.has(BigInt(item['snapshot-id']))) }
      : {}
  return {
    ...table,
    ...statistics('statistics'),
    ...statistics('partition-statistics'),
    snapshots: table.snapshots.filter((snapshot) => !removed.has(snapshot['snapshot-id'])),
    'snapshot-log': table['snapshot-log'].slice(gap + 1),
  }
}

interface Statistics {
  readonly 'snapshot-id': bigint | number
}

function statisticsOf(table: TableMetadata, key: string): readonly Statistics[] {
  return (table[key] ?? []) as readonly Statistics[]
}

function withStatistics(table: TableMetadata, key: string, id: bigint, item?: Statistics): TableMetadata {
  const others = statisticsOf(table, key).filter((other) => BigInt(other['snapshot-id']) !== id)
  return { ...table, [key]: item ? [...others, item] : others }
}

function chosen(id: number, added: number): number {
  return id === -1 ? added : id
}

function mustExist(isThere: boolean, what: string): void {
  if (!isThere) throw refused(`The table has no ${what}.`)
}

function refused(message: string): AppError {
  return new AppError('request.invalid', message)
}
