import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { startProduct } from './support/product.ts'

/** The public client of the reference platform, installed by `npm test` in a virtual environment of its own. */
const cache = process.env['SLUICE_TEST_CACHE'] ?? join(homedir(), '.cache', 'sluice-tests')
const python = join(cache, 'aepp/bin/python')
const isMissing = !existsSync(python)
if (isMissing && process.env['CI']) throw new Error(`Under CI aepp must be there: ${python} is not.`)

test.skipIf(isMissing)('aepp makes and reads schemas, descriptors, namespaces and datasets', async () => {
  const base = await mkdtemp('/tmp/sluice-aepp-')
  onTestFinished(() => rm(base, { recursive: true, force: true }))
  await chmod(base, 0o711)
  const home = join(base, 'home')
  await using product = await startProduct({ home })
  const { organizationId, clientId, clientSecret } = JSON.parse(
    await readFile(join(home, 'credentials.json'), 'utf8'),
  ) as { organizationId: string; clientId: string; clientSecret: string }
  const script = join(import.meta.dirname, 'python', 'use_aepp.py')
  const { stdout } = await promisify(execFile)(
    python,
    [script, product.http, organizationId, clientId, clientSecret],
    { cwd: base, maxBuffer: 16 * 1024 * 1024 },
  )
  const seen = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { tenant: string } & Record<
    string,
    unknown
  >
  const own = `_${seen.tenant}`
  expect(seen).toMatchObject({
    behaviors: 3,
    schemas: ['aepp events'],
    groups: ['aepp group'],
    types: ['aepp type'],
    type: 'aepp type',
    full: [own, '_id', 'eventMergeId', 'eventType', 'identityMap', 'producedBy', 'timestamp', 'web'].sort(),
    descriptors: ['xdm:descriptorIdentity'],
    descriptor: 'AEPPID',
    unions: ['https://ns.adobe.com/xdm/context/experienceevent__union'],
    tags: ['union'],
    namespaces: ['AEPPID'],
    namespace: 'aepp',
    dataset: {
      'adobe/pqs/table': ['aepp_data'],
      unifiedProfile: ['enabled:true'],
      unifiedIdentity: ['enabled:true'],
    },
    profiles: true,
    log: 2,
  })
  expect(seen['paths']).toEqual(expect.arrayContaining(['web.webPageDetails.URL', `${own}.userId`, '_id']))
  expect(seen['global groups']).toBeGreaterThanOrEqual(349)
})
