import { randomUUID } from 'node:crypto'
import type { Access, Permission } from '#access/access.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { isId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { Jobs } from '#jobs/jobs.ts'
import { deleteExportRule, selectExported, upsertExportRule } from '#metadata/export-rules.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import { rulesOf } from './enforce-rules.ts'
import type { Exports } from '../exports.ts'
import { parseRule, requireLimit } from './rules.ts'

export interface RuleAdminOptions {
  readonly metadata: Metadata
  readonly access: Access
  readonly clock: Clock
  readonly jobs: Pick<Jobs, 'resumePutOff' | 'ring'>
}

export type RuleAdmin = Pick<Exports, 'rules' | 'putRule' | 'deleteRule' | 'exported'>

/** Rules of exports in a sandbox, and the account of what was delivered. */
export function createRuleAdmin({ metadata, access, clock, jobs }: RuleAdminOptions): RuleAdmin {
  async function require({ principal, sandbox }: Caller, permission: Permission): Promise<void> {
    await access.require({ principal, permission, sandboxId: sandbox.id })
  }

  async function audit(tx: Transaction, caller: Caller, action: string, id: string, detail: object) {
    await access.audit(
      {
        principalId: caller.principal.id,
        sandboxId: caller.sandbox.id,
        action,
        assetType: 'Export rule',
        assetId: id,
        status: 'Allow',
        detail: { ...detail },
      },
      tx,
    )
  }

  return {
    rules: async (caller) => {
      await require(caller, 'view-destinations')
      return await rulesOf({ metadata }, caller.sandbox.id)
    },
    putRule: async (caller, name, body) => {
      await require(caller, 'manage-data-usage-policies')
      const rule = parseRule(body)
      requireLimit(rule)
      const id = await metadata.transaction(async (tx) => {
        const id = await upsertExportRule(tx, {
          id: randomUUID(),
          sandbox_id: caller.sandbox.id,
          name,
          document: JSON.stringify(rule),
          created_at: clock.now(),
          created_by: caller.principal.id,
        })
        await audit(tx, caller, 'update', id, { assetName: name, rule })
        // What waits for a window looks again: it may be open now.
        await jobs.resumePutOff(tx, 'export', caller.sandbox.id)
        return id
      })
      jobs.ring()
      return { id, name, rule }
    },
    deleteRule: async (caller, called) => {
      await require(caller, 'manage-data-usage-policies')
      await metadata.transaction(async (tx) => {
        const by = isId('flow', called) ? 'id' : 'name'
        const rule = await deleteExportRule(tx, caller.sandbox.id, { called, by })
        if (!rule) throw new AppError('export.unknown', `There is no export rule ${called.slice(0, 80)}.`)
        await audit(tx, caller, 'delete', rule.id, { assetName: rule.name })
        await jobs.resumePutOff(tx, 'export', caller.sandbox.id)
      })
      jobs.ring()
    },
    exported: async (caller, filter) => {
      await require(caller, 'view-user-activity-log')
      // A folder is called by its path, or as runs do.
      const location = filter.location?.replace(/^\//, 'file:///')
      const rows = await selectExported(metadata.db, { ...filter, location, sandboxId: caller.sandbox.id })
      return rows.map((row) => ({
        runId: row.run_id,
        flowId: row.flow_id,
        datasetId: row.dataset_id,
        datasetName: row.dataset_name,
        principalId: row.principal_id,
        principalName: row.principal_name ?? '',
        location: row.location,
        rowCount: Number(row.rows),
        bytes: Number(row.bytes),
        fileCount: Number(row.files),
        publishedAt: row.published_at,
      }))
    },
  }
}
