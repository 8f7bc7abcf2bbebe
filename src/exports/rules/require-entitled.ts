import { AppError } from '#base/errors.ts'
import type { Caller, Dataset } from '#datasets/datasets.ts'
import { selectExportSettings } from '#metadata/exports.ts'
import type { Metadata } from '#metadata/metadata.ts'

/**
 * The level of Journey Optimizer that has a dataset is a tag of it; an organisation that is entitled to a lower one does not
 * export it. @throws AppError 'access.denied'
 */
export async function requireEntitled(
  { db }: Pick<Metadata, 'db'>,
  { principal }: Caller,
  { name, tags }: Pick<Dataset, 'name' | 'tags'>,
): Promise<void> {
  if (tags['tier']?.includes('Ultimate') !== true) return
  const { entitledTier } = await selectExportSettings(db, principal.organizationId)
  if (entitledTier !== 'Prime') return
  throw new AppError(
    'access.denied',
    `The dataset ${JSON.stringify(name)} is of the level Ultimate, and your organisation is entitled to export those of Prime.`,
    { hint: 'Its setting entitledTier says so.' },
  )
}
