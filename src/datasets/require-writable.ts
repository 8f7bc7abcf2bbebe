import { AppError } from '#base/errors.ts'
import type { Dataset } from './datasets.ts'

/** System datasets are read, exported and kept. @throws AppError 'dataset.read_only' */
export function requireWritable({ name, managedBy }: Pick<Dataset, 'name' | 'managedBy'>): void {
  if (managedBy === 'CUSTOMER') return
  throw new AppError(
    'dataset.read_only',
    `The dataset ${JSON.stringify(name)} is a system dataset: it is read-only and cannot be deleted.`,
    { hint: 'Copy its rows into a dataset of your own: CREATE TABLE … AS SELECT …' },
  )
}
