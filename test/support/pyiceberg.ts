import { z } from 'zod'
import { parseJson } from '../../src/lake/iceberg/json.ts'
import {
  type TableRequirement,
  tableRequirement,
  type TableUpdate,
  tableUpdate,
} from '../../src/lake/iceberg/table-update.ts'
import type { LakeTable } from '../../src/lake/lake.ts'
import type { TestLake } from './lake.ts'
import { testWithPython } from './python.ts'
import { pythonService } from './python-service.ts'

/** Somebody else's Iceberg, installed by `npm test` in a virtual environment of its own. */
export const testWithPyIceberg = testWithPython('python')

const readTable = pythonService('python', 'read_table.py')
const commitTable = pythonService('python', 'commit_table.py')

export interface Seen {
  readonly columns: readonly (readonly [string, string])[]
  readonly rows: readonly (readonly unknown[])[]
  readonly files: number
  readonly snapshots: readonly { readonly id: string; readonly operation: string }[]
  readonly partition: string
  readonly sort: string
  readonly counts: readonly { readonly record_count: number; readonly file_size_in_bytes: number }[]
}

/** The table as PyIceberg reads it. */
export async function see(place: TestLake, table: LakeTable, ...options: readonly string[]): Promise<Seen> {
  const { location } = await place.lake.metadata(table.id)
  return JSON.parse(await readTable([location, ...options])) as Seen
}

const commit = z.object({ requirements: z.array(tableRequirement), updates: z.array(tableUpdate) })

/** A change that PyIceberg has written and wants committed. */
export async function change(
  place: TestLake,
  table: LakeTable,
  ...command: readonly string[]
): Promise<{ readonly requirements: TableRequirement[]; readonly updates: TableUpdate[] }> {
  const { location } = await place.lake.metadata(table.id)
  return commit.parse(parseJson(await commitTable([location, ...command])))
}
