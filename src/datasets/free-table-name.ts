import { AppError } from '#base/errors.ts'
import type { SandboxId } from '#base/ids.ts'
import { lockTableNames, selectTakenTableNames } from '#metadata/datasets.ts'
import type { Db, Transaction } from '#metadata/metadata.ts'
import { selectTakenViewNames } from '#metadata/views.ts'
import type { Caller, NewDataset } from './datasets.ts'
import { candidateNames, chosenTableName, tableNameOf } from './table-name.ts'

/** How many suffixes are looked at for a free table name in one question. */
const candidatesAtOnce = 100

/** Locks the sandbox's names until the transaction ends. @throws AppError 'dataset.exists' for a name asked for. */
export async function freeTableName(
  tx: Transaction,
  caller: Caller,
  dataset: Pick<NewDataset, 'name' | 'tableName'>,
): Promise<string> {
  await lockTableNames(tx, caller.sandbox.id)
  if (dataset.tableName === undefined) return await generatedTableName(tx, caller.sandbox.id, dataset.name)
  const name = chosenTableName(dataset.tableName)
  const taken = await selectTakenTableNames(tx, caller.sandbox.id, [name])
  if (!taken.has(name)) return name
  throw new AppError('dataset.exists', `There is a table ${JSON.stringify(name)} already.`, {
    hint: 'Choose another name, or write into the one there is.',
  })
}

/** The first name for a dataset's table that no table or view has now. @throws AppError 'dataset.exists' */
export async function generatedTableName(db: Db, sandboxId: SandboxId, datasetName: string): Promise<string> {
  const name = tableNameOf(datasetName)
  for (let count = candidatesAtOnce; ; count *= 10) {
    const candidates = candidateNames(name, count)
    const tables = await selectTakenTableNames(db, sandboxId, candidates)
    const views = await selectTakenViewNames(db, sandboxId, candidates)
    const free = candidates.find((candidate) => !tables.has(candidate) && !views.has(candidate))
    if (free !== undefined) return free
    if (count > 10_000) {
      throw new AppError('dataset.exists', `Too many datasets are called ${JSON.stringify(name)}.`, {
        hint: 'Choose another name.',
      })
    }
  }
}
