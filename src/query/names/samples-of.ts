import type { Dataset } from '#datasets/datasets.ts'
import { sampleTag } from '#metadata/datasets.ts'
import type { Scope } from '../scope.ts'

interface SampleScope {
  readonly services: Pick<Scope['services'], 'datasets'>
  readonly caller: Scope['caller']
}

/** The newest sample of a dataset, for statements WITHAPPROXIMATE. */
export async function newestSample(scope: SampleScope, parent: Dataset): Promise<Dataset | undefined> {
  return (await samplesOf(scope, parent)).at(-1)
}

/** The oldest first. */
export async function samplesOf({ services, caller }: SampleScope, parent: Dataset): Promise<Dataset[]> {
  const all = await services.datasets.tables(caller)
  return all
    .filter(({ tags }) => tags[sampleTag]?.includes(parent.id))
    .toSorted((one, other) => one.createdAt.getTime() - other.createdAt.getTime())
}
