import { AppError } from '#base/errors.ts'
import type { Transaction } from '#metadata/metadata.ts'
import { selectSchemaIdByTitle } from '#metadata/schemas.ts'
import type { Caller, NewDataset } from './datasets.ts'

type Registered = Exclude<NewDataset['schema'], { readonly kind: 'columns' }>

/** @throws AppError 'schema.unknown' for a title that no schema has */
export async function schemaIdOf(tx: Transaction, caller: Caller, schema: Registered): Promise<string> {
  if (schema.kind === 'registered') return schema.id
  const id = await selectSchemaIdByTitle(tx, caller.sandbox.id, schema.title)
  if (id !== undefined) return id
  throw new AppError(
    'schema.unknown',
    `There is no schema ${JSON.stringify(schema.title)} in this sandbox.`,
    {
      hint: 'Name it by its title, as the schema registry lists it.',
    },
  )
}
