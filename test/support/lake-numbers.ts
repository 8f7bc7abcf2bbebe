import { expect } from 'vitest'
import { newBatchId, type SnapshotId } from '../../src/base/ids.ts'
import type { AppendResult, LakeTable, OverwriteRequest } from '../../src/lake/lake.ts'
import { integerType, stringType, structType, timestampType } from '../../src/types/data-type.ts'
import type { TestLake } from './lake.ts'

const signal = new AbortController().signal

/** A table of numbers: one an hour, in the day it falls in. */
export const numberColumns = structType([
  { name: 'n', type: integerType },
  { name: 'person', type: stringType },
  { name: 'timestamp', type: timestampType },
])

export function numbersSql(numbers: readonly number[]): string {
  const list = numbers.length === 0 ? 'NULL::INTEGER' : numbers.join(', ')
  return `SELECT i::INTEGER, 'p' || (i % 3), TIMESTAMPTZ '2026-01-01 00:00:00+00' + INTERVAL (i) HOUR
    FROM (SELECT unnest([${list}]) AS i)${numbers.length === 0 ? ' WHERE false' : ''}`
}

export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index)

export async function numberTable(place: TestLake): Promise<LakeTable> {
  return await place.table(numberColumns, { dayColumn: 'timestamp', clusterBy: ['person', 'timestamp'] })
}

export async function put(
  place: TestLake,
  table: LakeTable,
  numbers: readonly number[],
): Promise<AppendResult> {
  return await place.append(table, numbersSql(numbers))
}

export function overwriting(
  table: LakeTable,
  numbers: readonly number[],
  replaces: OverwriteRequest['replaces'],
): OverwriteRequest {
  return {
    tableId: table.id,
    batchId: newBatchId(),
    source: { sql: numbersSql(numbers), files: [], pool: 'batch' },
    replaces,
    signal,
  }
}

/** The numbers of a snapshot, the newest one if none is named, in order. Their count is what the plan promised. */
export async function numbersOf(
  place: TestLake,
  table: LakeTable,
  options: { readonly snapshotId?: SnapshotId; readonly afterSequence?: number } = {},
): Promise<number[]> {
  const snapshotId = options.snapshotId ?? (await place.lake.snapshot(table.id))?.snapshotId
  const { afterSequence } = options
  const plan = await place.another().plan({
    tableId: table.id,
    snapshotId,
    columns: ['n'],
    ...(afterSequence === undefined ? {} : { afterSequence }),
  })
  const rows = await place.rows(plan, numberColumns.fields.slice(0, 1))
  expect(plan.rowCount).toBe(rows.length)
  return rows.map(([n]) => Number(n)).toSorted((left, right) => left - right)
}
