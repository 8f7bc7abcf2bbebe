import type { Clock } from '#base/clock.ts'
import { faultPoint } from '#base/faults.ts'
import { requestContext } from '#base/request-context.ts'
import { insertAudit } from '#metadata/audit.ts'
import type { Db } from '#metadata/metadata.ts'
import type { Access } from './access.ts'

/** Records are made in the transaction of what they tell of, or at once. */
export function auditWriter({ db, clock }: { readonly db: Db; readonly clock: Clock }): Access['audit'] {
  return async (entry, tx) => {
    const request = requestContext()
    await insertAudit(tx ?? db, {
      at: clock.now(),
      organization_id: entry.organizationId ?? null,
      principal_id: entry.principalId ?? null,
      sandbox_id: entry.sandboxId ?? null,
      action: entry.action,
      asset_type: entry.assetType,
      asset_id: entry.assetId,
      status: entry.status,
      detail: entry.detail ?? {},
      request_id: request?.requestId ?? null,
      client_id: null,
      address: request?.address ?? null,
    })
    await faultPoint('audit.recorded')
  }
}
