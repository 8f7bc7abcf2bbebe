import { systemClock } from '#base/clock.ts'
import { ask } from '../remote/ask.ts'
import { remotePolicy } from '../remote/policy.ts'
import type { AzureCredentials, AzureStoreConfig } from './azure-config.ts'
import { azureFailures, type AzureFailure, failureOf } from './failure.ts'
import { endpointOf, serviceOf } from './service.ts'

/** Said to whom the store knows. */
const knows = /^Authorization(Permission|ResourceType|Service)Mismatch$/

/**
 * Asks for the list of containers, as what is not to be had with a wrong key; that it is not open to a right one is no
 * fault. False: nobody was asked, as a signature for less than the account could be asked nothing.
 */
export async function checkAzureAccount(
  config: AzureStoreConfig,
  { credentials, signal }: { readonly credentials: AzureCredentials; readonly signal: AbortSignal },
): Promise<boolean> {
  if (credentials.kind === 'sas' && !/(?:^|[?&])srt=[^&]*s/.test(credentials.token)) return false
  const sdk = await import('@azure/storage-blob')
  const { account } = config
  const { service } = serviceOf(sdk, endpointOf(config), { account, credentials, clock: systemClock })
  const remote = {
    location: `az://${account}`,
    policy: remotePolicy,
    clock: systemClock,
    failures: azureFailures,
  }
  const isKnown = ({ code }: AzureFailure) => knows.test(code)
  try {
    await ask(
      remote,
      { name: '', signal },
      async (abortSignal) => await service.listContainers({ abortSignal }).byPage({ maxPageSize: 1 }).next(),
      isKnown,
    )
  } catch (error) {
    const failure = failureOf(error)
    if (!failure || !isKnown(failure)) throw error
  }
  return true
}
