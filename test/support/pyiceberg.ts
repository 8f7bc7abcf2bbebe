import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'vitest'
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

/** Somebody else's Iceberg, installed by `npm test` in a virtual environment of its own. */
const python = join(
  process.env['SLUICE_TEST_CACHE'] ?? join(homedir(), '.cache', 'sluice-tests'),
  'python/bin/python',
)
const isMissing = !existsSync(python)
if (isMissing && process.env['CI']) throw new Error(`Under CI PyIceberg must be there: ${python} is not.`)
export const testWithPyIceberg = test.skipIf(isMissing)

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
  return JSON.parse(await run('read_table.py', location, ...options)) as Seen
}

const commit = z.object({ requirements: z.array(tableRequirement), updates: z.array(tableUpdate) })

/** A change that PyIceberg has written and wants committed. */
export async function change(
  place: TestLake,
  table: LakeTable,
  ...command: readonly string[]
): Promise<{ readonly requirements: TableRequirement[]; readonly updates: TableUpdate[] }> {
  const { location } = await place.lake.metadata(table.id)
  return commit.parse(parseJson(await run('commit_table.py', location, ...command)))
}

async function run(script: string, ...options: readonly string[]): Promise<string> {
  const path = join(import.meta.dirname, '..', 'python', script)
  const { stdout } = await promisify(execFile)(python, [path, ...options], { maxBuffer: 64 * 1024 * 1024 })
  return stdout
}
