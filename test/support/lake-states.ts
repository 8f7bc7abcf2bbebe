import {
  arrayType,
  decimalType,
  doubleType,
  floatType,
  integerType,
  longType,
  mapType,
  shortType,
  stringType,
  structType,
  timestampType,
} from '../../src/types/data-type.ts'
import type { LakeTable } from '../../src/lake/lake.ts'
import type { SchemaChange } from '../../src/lake/evolve-schema.ts'
import type { TestLake } from './lake.ts'

const signal = new AbortController().signal

/** Columns with something of everything that can change. */
export const evolving = structType([
  { name: '_id', type: stringType },
  { name: 'timestamp', type: timestampType },
  { name: 'n', type: shortType },
  { name: 'ratio', type: floatType },
  { name: 'price', type: decimalType(9, 2) },
  {
    name: 'web',
    type: structType([
      { name: 'title', type: stringType },
      { name: 'visits', type: integerType },
    ]),
  },
  { name: 'items', type: arrayType(structType([{ name: 'sku', type: stringType }])) },
  { name: 'ids', type: mapType(stringType, structType([{ name: 'id', type: stringType }])) },
])

/** Row `i` of the first shape, one a quarter of an hour. */
export function oldRows(from: number, to: number): string {
  return `SELECT 'e' || lpad(i::VARCHAR, 4, '0'), TIMESTAMPTZ '2026-01-01 00:00:00+00' + INTERVAL (i * 15) MINUTE, i::SMALLINT,
    (i / 4)::FLOAT, (i / 100)::DECIMAL(9, 2),
    CASE WHEN i % 3 > 0 THEN {'title': 'page ' || i, 'visits': i::INTEGER} END,
    CASE WHEN i % 4 > 0 THEN [{'sku': 's' || i}, NULL] END,
    CASE WHEN i % 5 > 0 THEN MAP {'ecid': {'id': 'p' || i}} END
  FROM range(${from}, ${to}) t(i)`
}

/** Names taken by other fields, fields at every depth, every widening, and the column of the days. */
export const changes: readonly SchemaChange[] = [
  { kind: 'rename', path: ['web', 'title'], name: 'name' },
  { kind: 'add', parent: ['web'], name: 'title', type: stringType },
  { kind: 'rename', path: ['items', 'element', 'sku'], name: 'SKU of it' },
  { kind: 'add', parent: ['items', 'element'], name: 'quantity', type: longType },
  { kind: 'rename', path: ['ids', 'value', 'id'], name: 'value' },
  { kind: 'rename', path: ['timestamp'], name: 'at' },
  { kind: 'add', name: 'timestamp', type: stringType },
  { kind: 'add', name: 'added', type: structType([{ name: 'deep', type: arrayType(integerType) }]) },
  { kind: 'widen', path: ['n'], type: longType },
  { kind: 'widen', path: ['ratio'], type: doubleType },
  { kind: 'widen', path: ['price'], type: decimalType(20, 2) },
]

/** Row `i` of the shape after the changes. */
export function newRows(from: number, to: number): string {
  return `SELECT 'e' || lpad(i::VARCHAR, 4, '0'), TIMESTAMPTZ '2026-01-01 00:00:00+00' + INTERVAL (i * 15) MINUTE, i::BIGINT,
    (i / 4)::DOUBLE, (i / 100)::DECIMAL(20, 2),
    {'name': 'page ' || i, 'visits': i::INTEGER, 'title': 'title ' || i},
    [{'SKU of it': 's' || i, 'quantity': i::BIGINT}],
    MAP {'ecid': {'value': 'p' || i}},
    'text ' || i,
    {'deep': [i::INTEGER]}
  FROM range(${from}, ${to}) t(i)`
}

/** Row `i` as JSON, the way both shapes are read afterwards; `isOld`: it was written before the changes. */
export function evolvedRow(i: number, isOld: boolean): unknown[] {
  const id = `e${String(i).padStart(4, '0')}`
  const at = (Date.UTC(2026, 0, 1) + i * 900_000) * 1000
  const numbers = [i, i / 4, (i / 100).toFixed(2)]
  if (!isOld) {
    return [
      id,
      at,
      ...numbers,
      { name: `page ${i}`, visits: i, title: `title ${i}` },
      [{ 'SKU of it': `s${i}`, quantity: i }],
      { ecid: { value: `p${i}` } },
      `text ${i}`,
      { deep: [i] },
    ]
  }
  return [
    id,
    at,
    ...numbers,
    i % 3 > 0 ? { name: `page ${i}`, visits: i, title: null } : null,
    i % 4 > 0 ? [{ 'SKU of it': `s${i}`, quantity: null }, null] : null,
    i % 5 > 0 ? { ecid: { value: `p${i}` } } : null,
    null,
    null,
  ]
}

/** A table with rows `0` to `to` of the first shape, a fifth a batch. */
export async function oldTable(place: TestLake, to: number): Promise<LakeTable> {
  const table = await place.table(evolving, {
    dayColumn: 'timestamp',
    clusterBy: ["ids['ecid'].id", 'timestamp'],
  })
  const step = to / 5
  for (let from = 0; from < to; from += step) await place.append(table, oldRows(from, from + step))
  return table
}

/** The same table after the changes, with rows `from` to `to` of the new shape. */
export async function evolvedTable(
  place: TestLake,
  table: LakeTable,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<LakeTable> {
  await place.lake.evolve({ tableId: table.id, changes, signal })
  const evolved = await place.lake.table(table.id)
  await place.append(evolved, newRows(from, to))
  return evolved
}
