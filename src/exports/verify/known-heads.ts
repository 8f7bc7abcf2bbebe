import type { ChainRow } from '#metadata/exports.ts'
import type { Finding } from './finding.ts'
import type { VerifyReport } from './verify.ts'

/**
 * What only the server that delivered can know: nothing that lies at a place says that its newest manifest is gone.
 * @param known as it was before the place was looked at; of other places nothing is said
 */
export function checkHeads(
  { chains }: Pick<VerifyReport, 'chains'>,
  known: readonly ChainRow[],
  location: string,
): Finding[] {
  return known.flatMap((chain): Finding[] => {
    if (chain.location !== location) return []
    const head = chains.find(({ datasetId }) => datasetId === chain.dataset_id)?.head
    const error = (message: string): Finding[] => [
      { severity: 'error', code: 'chain.head', name: chain.manifest_name, message },
    ]
    if (!head || head.number < chain.number)
      return error(
        `Delivery ${chain.number}, the last one known here, is missing: ${head ? `the newest there is ${head.number}` : 'none of the dataset is there'}.`,
      )
    if (head.number === chain.number && head.sha256 !== chain.manifest_sha256)
      return error(`Manifest ${chain.number} is not the one that was sealed here.`)
    return []
  })
}
