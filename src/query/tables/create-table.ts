import type { Dataset } from '#datasets/datasets.ts'
import type { Field } from '#types/data-type.ts'
import { newKey } from '../names/keys.ts'
import { createDataset, existingTable, removeUnfilled } from './new-table.ts'
import { type PlannedQuery, planQuery } from '../rows/plan-query.ts'
import { unlessRemoved } from '../rows/unless-removed.ts'
import type { StatementOf } from '../query.ts'
import { requireGeneral } from '../names/rights.ts'
import type { Scope } from '../scope.ts'
import { textColumns } from '../static-rows.ts'
import { tableOptions } from './table-options.ts'
import { appendRows, committed } from './write-rows.ts'

/** What making a table takes, which makes a schema too. */
const creating = ['batch-queries', 'manage-datasets', 'manage-schemas'] as const

/** The columns of what CREATE TABLE answers: tables for profiles tell their ids. */
export function createdColumns(statement: StatementOf<'createTable'>): readonly Field[] | undefined {
  return tableOptions(statement).labels.length > 0 ? textColumns('Created Table DataSet Id') : undefined
}

/** A table of the columns given, without rows; its id. Undefined: it was there and IF NOT EXISTS was said. */
export async function createTable(
  scope: Scope,
  statement: StatementOf<'createTable'>,
): Promise<string | undefined> {
  const options = tableOptions(statement)
  await requireGeneral(scope, creating)
  const there = await existingTable(scope, statement)
  if (there && !there.isOurs) return undefined
  const { columns, keys } = statement
  const dataset = there?.dataset ?? (await createDataset(scope, statement, { columns, options }))
  if (!dataset) return undefined
  return await unlessItFails(scope, dataset, async () => {
    for (const key of keys) await scope.services.keys.add(scope.caller, dataset, await newKey(scope, key))
    return dataset.id
  })
}

/** Rows stored. Undefined: the table was there and IF NOT EXISTS was said. */
export async function createTableAs(
  scope: Scope,
  statement: StatementOf<'createTableAs'>,
  tags: Dataset['tags'] = {},
): Promise<number | undefined> {
  const options = tableOptions(statement)
  await requireGeneral(scope, creating)
  const there = await existingTable(scope, statement)
  if (there && !there.isOurs) return undefined
  const done = there && (await committed(scope, there.dataset))
  if (done) return done.rowCount
  const plan = async (): Promise<PlannedQuery> => {
    const pins = await scope.journal.pins(scope.step)
    const planned = await planQuery(scope, statement.query, pins)
    await pins.keep()
    return planned
  }
  const first = await unlessRemoved(scope, plan)
  const { columns } = first
  const dataset = there?.dataset ?? (await createDataset(scope, statement, { columns, options, tags }))
  if (!dataset) return undefined
  return await unlessItFails(scope, dataset, async () => {
    const { schemaTitle, validates } = options
    const fitting = schemaTitle === undefined ? 'all' : 'schema'
    let isAgain = false
    return await unlessRemoved(scope, async () => {
      const planned = isAgain ? await plan() : first
      isAgain = true
      return (await appendRows(scope, { dataset, planned, statement, fitting, validates })).rowCount
    })
  })
}

async function unlessItFails<T>(scope: Scope, dataset: Dataset, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await removeUnfilled(scope, dataset, error)
    throw error
  }
}
