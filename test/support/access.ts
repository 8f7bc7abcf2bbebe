import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { homePaths } from '../../src/config/home.ts'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import type { Access, Credentials, Principal, Sandbox } from '../../src/access/access.ts'
import { createAccess } from '../../src/access/create-access.ts'
import type { Metadata } from '../../src/metadata/metadata.ts'

export interface TestCaller {
  readonly access: Access
  readonly caller: { readonly principal: Principal; readonly sandbox: Sandbox }
  readonly credentials: Credentials
}

/** The administrator of a fresh organisation, in its `prod` sandbox. */
export async function testCaller(metadata: Metadata, home?: string): Promise<TestCaller> {
  const access = createAccess({
    metadata,
    credentialsFile: homePaths(home ?? (await temporaryHome())).credentials,
    clock: systemClock,
    logger: silentLogger,
  })
  const credentials = await access.bootstrap()
  const { accessToken } = await access.issueToken(credentials)
  const principal = await access.authenticateToken(accessToken)
  return { access, caller: { principal, sandbox: await access.sandbox(principal, 'prod') }, credentials }
}

async function temporaryHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'sluice-test-home-'))
  try {
    onTestFinished(() => rm(home, { recursive: true, force: true }))
  } catch {
    // Called from a hook of a whole file, where no test runs: the folder is small and stays.
  }
  return home
}
