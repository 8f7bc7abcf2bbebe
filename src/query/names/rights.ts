import type { Permission } from '#access/permissions.ts'
import type { Dataset } from '#datasets/datasets.ts'
import type { Scope } from '../scope.ts'

/** @throws AppError 'access.denied' unless the caller has them all in the sandbox */
export async function requireGeneral(
  { services, caller }: Scope,
  permissions: readonly Permission[],
): Promise<void> {
  const { principal, sandbox } = caller
  for (const permission of permissions) {
    await services.access.require({ principal, permission, sandboxId: sandbox.id })
  }
}

/** @throws AppError 'access.denied' unless the caller may change the dataset */
export async function requireManage({ services, caller }: Scope, dataset: Dataset): Promise<void> {
  await services.access.require({
    principal: caller.principal,
    permission: 'manage-datasets',
    sandboxId: caller.sandbox.id,
    datasetId: dataset.id,
  })
}
