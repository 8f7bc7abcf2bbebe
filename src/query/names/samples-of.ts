import type { Dataset } from '#datasets/datasets.ts'
import { hasBatches } from '#metadata/batches.ts'
import { sampleTag } from '#metadata/datasets.ts'
import type { Scope } from '../scope.ts'

interface SampleScope {
  readonly services: Pick<Scope['services'], 'datasets' | 'metadata'>
  readonly caller: Scope['caller']
}

/** The newest sample of a dataset, for statements WITHAPPROXIMATE. One that is still being taken is none yet. */
export async function newestSample(scope: SampleScope, parent: Dataset): Promise<Dataset | undefined> {
  for (const sample of (await samplesOf(scope, parent)).toReversed()) {
    if (await hasBatches(scope.services.metadata.db, sample.id)) return sample
  }
  return undefined
}

/** The oldest first. */
export async function samplesOf({ services, caller }: SampleScope, parent: Dataset): Promise<Dataset[]> {
  const all = await services.datasets.tables(caller)
  return all
    .filter(({ tags }) => tags[sampleTag]?.includes(parent.id))
    .toSorted((one, other) => one.createdAt.getTime() - other.createdAt.getTime())
}
