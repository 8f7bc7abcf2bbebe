import type { DatasetId, SandboxId } from '#base/ids.ts'
import type { AccessPolicy, Restriction } from './access.ts'
import { restrictionsOf } from './decide.ts'

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
        if (generation === generationsMax) return [{ kind: 'deny' }]
        datasetId = await parentOf(question.sandboxId, datasetId)
        if (datasetId !== undefined)
          restrictions.push(...(await restrictionsOf(policies, { ...question, datasetId })))
      }
      return restrictions
    },
  }
  return [...policies, ofParents]
}
