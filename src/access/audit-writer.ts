import type { Clock } from '#base/clock.ts'
import { faultPoint } from '#base/faults.ts'
import { requestContext } from '#base/request-context.ts'
import { insertAudit, type NewAuditRow } from '#metadata/audit.ts'
import type { Db } from '#metadata/metadata.ts'
import type { Access, AuditEntry } from './access.ts'

/** Records are made in the transaction of what they tell of, or at once; those of `auditRow` by who asked for it. */
export function auditWriter({
  db,
  clock,
}: {
  readonly db: Db
  readonly clock: Clock
}): Pick<Access, 'audit' | 'auditRow'> {
  const auditRow = (entry: AuditEntry): NewAuditRow => {
    const request = requestContext()
    return {
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
    }
  }
  return {
    audit: async (entry, tx) => {
      await insertAudit(tx ?? db, [auditRow(entry)])
      await faultPoint('audit.recorded')
    },
    auditRow,
  }
}
