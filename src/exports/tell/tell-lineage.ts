import type { Run } from '#jobs/jobs.ts'
import { selectEntity, selectExportRun } from '#metadata/exports.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { Lineage } from '#notify/lineage.ts'
import type { LineageDataset, LineageFact } from '#notify/lineage-event.ts'
import { type ExportPlan, readPlan } from '../export-plan.ts'
import { flowIdOf } from '../run-subject.ts'
import { locationOf } from '../destinations/target.ts'

/** Tells which dataset a run of a flow reads, and where it delivers: in the transaction that makes it true. */
export async function tellLineage(
  { lineage }: { readonly lineage: Lineage },
  tx: Transaction,
  told: {
    readonly run: Run
    readonly type: LineageFact['type']
    readonly message?: string
    readonly statistics?: { readonly rowCount: number; readonly size: number; readonly fileCount: number }
  },
): Promise<void> {
  if (!lineage.isOn) return
  const { run, type, message, statistics } = told
  const flowId = flowIdOf(run.subjectId)
  const flow = await selectEntity(tx, run.sandboxId, 'flows', flowId)
  const planned = await selectExportRun(tx, run.id)
  const plan = planned && readPlan(planned.plan)
  const name = flow?.document['name']
  const { followedRunId, followedQueryId } = run.payload
  await lineage.tell(tx, run, {
    type,
    job: { name: `export.${flowId}`, title: typeof name === 'string' ? name : (plan?.exportName ?? flowId) },
    nominalAt: plan && new Date(plan.scheduledAt),
    parent:
      typeof followedRunId === 'string'
        ? { runId: followedRunId, jobName: `query.${String(followedQueryId)}` }
        : undefined,
    message,
    ...(plan
      ? {
          inputs: [{ name: plan.tableName ?? plan.datasetName }],
          outputs: [{ ...placeOf(plan), statistics }],
        }
      : {}),
  })
}

/** Where a dataset's deliveries lie, named as OpenLineage names such places; the same for every run. */
function placeOf(plan: ExportPlan): LineageDataset {
  const location = locationOf(plan.target)
  const match = /^([a-z0-9]+:\/\/(?:[^/@]+@)?)([^/]+)(\/.*)?$/.exec(location)
  const folder = plan.folder.startsWith(`${plan.datasetId}/`) ? `/${plan.datasetId}` : ''
  if (!match) return { namespace: 'file', name: location.replace(/\/$/, '') + folder }
  const [, scheme = '', host = '', path = ''] = match
  const whole = path.replace(/\/$/, '') + folder
  // Not who logs in.
  const namespace = `${scheme.replace(/[^/]+@$/, '')}${host}`
  return { namespace, name: whole.replace(/^\//, '') || '/' }
}
