import type { DatasetId, SandboxId } from '#base/ids.ts'
import type { AccessPolicy, Question, Restriction } from './access.ts'

/** A sample of a sample of … ends somewhere. */
const generationsMax = 10

/**
 * The policies, which narrow what is made of a dataset as they narrow the dataset: a sample of a closed one is closed.
 * @param parentOf what a dataset is a sample of
 */
export function inheritedPolicies(
  policies: readonly AccessPolicy[],
  parentOf: (sandboxId: SandboxId, datasetId: DatasetId) => Promise<DatasetId | undefined>,
): readonly AccessPolicy[] {
  if (policies.length === 0) return policies
  const ofParents: AccessPolicy = {
    restrict: async (question) => {
      const restrictions: Restriction[] = []
      let { datasetId } = question
      for (let generation = 0; datasetId !== undefined; generation++) {
        if (generation === generationsMax) return { kind: 'deny' }
        datasetId = await parentOf(question.sandboxId, datasetId)
        if (datasetId !== undefined) restrictions.push(...(await asked(policies, { ...question, datasetId })))
      }
      return restrictions.reduce<Restriction | undefined>(both, undefined)
    },
  }
  return [...policies, ofParents]
}

async function asked(policies: readonly AccessPolicy[], question: Question): Promise<Restriction[]> {
  const restrictions: Restriction[] = []
  for (const policy of policies) {
    const restriction = await policy.restrict(question)
    if (restriction) restrictions.push(restriction)
  }
  return restrictions
}

/** A denial wins; else all filters apply, and a column that is masked in two ways is hidden. */
function both(one: Restriction | undefined, other: Restriction): Restriction {
  if (!one) return other
  if (one.kind === 'deny' || other.kind === 'deny') return { kind: 'deny' }
  const masks = { ...one.masks, ...other.masks }
  const torn = Object.keys(masks).filter((column) => (one.masks?.[column] ?? masks[column]) !== masks[column])
  return {
    kind: 'partial',
    rowFilters: [...(one.rowFilters ?? []), ...(other.rowFilters ?? [])],
    masks,
    hiddenColumns: [...(one.hiddenColumns ?? []), ...(other.hiddenColumns ?? []), ...torn],
  }
}
