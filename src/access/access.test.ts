import { expect, test } from 'vitest'
import { testCaller } from '../../test/support/access.ts'
import { testMetadata } from '../../test/support/metadata.ts'

test('the administrator may do everything in the sandbox prod', async () => {
  await using metadata = await testMetadata()
  const { access, caller } = await testCaller(metadata)
  await expect(
    access.require({
      principal: caller.principal,
      permission: 'datasets.manage',
      sandboxId: caller.sandbox.id,
    }),
  ).resolves.toEqual({ isAllowed: true, rowFilters: [], masks: {} })
})
