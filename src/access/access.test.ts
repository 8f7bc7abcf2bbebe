import { expect, test } from 'vitest'
import { testCaller } from '../../test/support/access.ts'
import { testMetadata } from '../../test/support/metadata.ts'
import { newDatasetId, newUuidId } from '#base/ids.ts'
import { insertPrincipal, setBatchEntitlement } from '#metadata/access.ts'
import { addMember, insertRole } from '#metadata/roles.ts'
import type { AccessPolicy, Question } from './access.ts'
import { decide as decideAll } from './decide.ts'
import { permissions } from './permissions.ts'
import { createRights } from './rights.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { randomUUID } from 'node:crypto'

const whole = { isAllowed: true, rowFilters: [], masks: {}, hiddenColumns: [] }

async function userWith(metadata: Metadata, roles: readonly { permissions: string[]; sandboxes: boolean }[]) {
  const { access, caller } = await testCaller(metadata)
  const { organizationId } = caller.principal
  const principal = { id: newUuidId('principal'), organizationId, name: 'Ann' }
  await insertPrincipal(metadata.db, {
    id: principal.id,
    organization_id: organizationId,
    name: 'Ann',
    created_at: new Date(),
    kind: 'user',
    email: null,
  })
  for (const [index, role] of roles.entries()) {
    const id = randomUUID()
    await insertRole(metadata.db, {
      id,
      organizationId,
      content: {
        name: `role ${index}`,
        description: '',
        labels: [],
        isEverywhere: false,
        permissions: role.permissions,
        sandboxIds: role.sandboxes ? [caller.sandbox.id] : [],
      },
      stamp: { by: 'test', at: new Date() },
    })
    await addMember(metadata.db, id, principal.id)
  }
  return { access, principal, sandboxId: caller.sandbox.id }
}

test('the administrator may do everything in the sandbox prod', async () => {
  await using metadata = await testMetadata()
  const { access, caller } = await testCaller(metadata)
  for (const permission of [...permissions, 'administer-organization', 'batch-queries'] as const) {
    await expect(
      access.require({ principal: caller.principal, permission, sandboxId: caller.sandbox.id }),
    ).resolves.toEqual(whole)
  }
})

test('a right is a permission in a sandbox: roles add up, and half a role is none', async () => {
  await using metadata = await testMetadata()
  const { access, principal, sandboxId } = await userWith(metadata, [
    { permissions: ['view-datasets'], sandboxes: true },
    { permissions: ['manage-queries'], sandboxes: true },
    { permissions: ['manage-schemas'], sandboxes: false },
  ])
  const isAllowed = async (permission: Question['permission']) =>
    (await access.decide({ principal, permission, sandboxId })).isAllowed
  expect(await isAllowed('view-datasets')).toBe(true)
  expect(await isAllowed('view-schemas')).toBe(true) // Whoever sees datasets sees what they look like.
  expect(await isAllowed('manage-queries')).toBe(true)
  expect(await isAllowed('manage-datasets')).toBe(false)
  expect(await isAllowed('manage-schemas')).toBe(false)
  await expect(
    access.require({ principal, permission: 'manage-datasets', sandboxId, datasetId: newDatasetId() }),
  ).rejects.toMatchObject({ code: 'access.denied', message: 'Missing permission: manage-datasets' })
})

test('an organisation without the entitlement has SELECT alone', async () => {
  await using metadata = await testMetadata()
  const { access, principal, sandboxId } = await userWith(metadata, [
    { permissions: ['manage-queries'], sandboxes: true },
  ])
  await setBatchEntitlement(metadata.db, principal.organizationId, false)
  await expect(access.require({ principal, permission: 'batch-queries', sandboxId })).rejects.toThrow(
    /not entitled/,
  )
  await expect(access.require({ principal, permission: 'manage-queries', sandboxId })).resolves.toEqual(whole)
})

test('policies narrow what roles give: rows, columns, datasets', async () => {
  await using metadata = await testMetadata()
  const { caller } = await testCaller(metadata)
  const [open, partial, closed] = [newDatasetId(), newDatasetId(), newDatasetId()]
  const asked: Question[] = []
  const policies: AccessPolicy[] = [
    {
      restrict: async (question) => {
        asked.push(question)
        if (question.datasetId === closed) return [{ kind: 'deny' }]
        if (question.datasetId !== partial) return []
        const masks = { email: 'sha2(email, 256)', phone: 'NULL' }
        return [{ kind: 'partial', rowFilters: ["country = 'CH'"], masks, hiddenColumns: ['salary'] }]
      },
    },
    {
      restrict: async ({ datasetId }) =>
        datasetId === partial ? [{ kind: 'partial', rowFilters: ['age > 17'], masks: { phone: "'-'" } }] : [],
    },
  ]
  const rights = createRights(metadata.db)
  const decide = (question: Partial<Question>) =>
    decideAll(rights, policies, {
      principal: caller.principal,
      permission: 'view-datasets',
      sandboxId: caller.sandbox.id,
      ...question,
    })
  expect(await decide({ datasetId: open })).toEqual(whole)
  expect(await decide({ datasetId: partial })).toEqual({
    isAllowed: true,
    rowFilters: ["country = 'CH'", 'age > 17'],
    masks: { email: 'sha2(email, 256)' },
    hiddenColumns: ['salary', 'phone'],
  })
  expect(await decide({ datasetId: partial, columns: ['email'] })).toMatchObject({ isAllowed: true })
  expect(await decide({ datasetId: partial, columns: ['email', 'salary'] })).toEqual({
    isAllowed: false,
    missing: 'view-datasets',
  })
  expect(await decide({ datasetId: closed })).toEqual({ isAllowed: false, missing: 'view-datasets' })
  expect(asked.length).toBe(5)
})
