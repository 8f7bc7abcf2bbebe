import { systemClock } from '#base/clock.ts'
import { ask } from '../remote/ask.ts'
import { remotePolicy } from '../remote/policy.ts'
import { gcsFailures } from './failure.ts'
import type { GcsCredentials } from './gcs-config.ts'
import { serviceAccount } from './service-account.ts'

/** Asks for a token, which is not to be had with a wrong key. */
export async function checkGcsAccount(
  { serviceAccountKey }: GcsCredentials,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const remote = {
    location: 'Google',
    policy: remotePolicy,
    clock: systemClock,
    failures: gcsFailures,
  }
  await ask(remote, { name: '', signal }, serviceAccount(serviceAccountKey))
}
