import { AppError } from '#base/errors.ts'
import type { TableName } from '#sql/compile.ts'
import { suggested } from './did-you-mean.ts'
import { type FindScope, visibleNames } from './find-table.ts'

/** A table that somebody drops under the work is none that there is. */
export async function unlessDropped<T>(
  scope: FindScope,
  table: TableName,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'dataset.unknown') throw error
    throw await unknownTable(scope, table)
  }
}

export async function unknownTable(scope: FindScope, { parts, position }: TableName): Promise<AppError> {
  const hint = suggested(parts.at(-1) ?? '', await visibleNames(scope)) ?? 'See them with SHOW TABLES.'
  return new AppError('query.unknown_table', `There is no table ${JSON.stringify(parts.join('.'))}.`, {
    position,
    hint,
  })
}
