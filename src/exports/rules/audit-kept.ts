import type { Access } from '#access/access.ts'
import type { PrincipalId, SandboxId } from '#base/ids.ts'
import type { Run } from '#jobs/jobs.ts'
import { selectEntity } from '#metadata/exports.ts'
import type { Transaction } from '#metadata/metadata.ts'
import { datasetIdOf, flowIdOf } from '../run-subject.ts'

/** Ends of runs that somebody's right or rule has decided. */
const decidedCodes: readonly string[] = ['access.denied', 'export.quota', 'export.closed']

interface Auditing {
  readonly access: Pick<Access, 'audit'>
}

/** `export`, `deliver`: refused, and not done. `postpone run`, `pause run`: done later, as the rule has it. */
type KeptAction = 'export' | 'deliver' | 'postpone run' | 'pause run'

/** Nothing is delivered, or nothing yet, because a right or a rule says so. */
export async function auditKept(
  { access }: Auditing,
  tx: Transaction,
  kept: {
    readonly action: KeptAction
    readonly principalId: PrincipalId
    readonly sandboxId: SandboxId
    readonly flowId: string
    /** The reason, in the words that were told, and what it is of. */
    readonly detail: Readonly<Record<string, unknown>>
  },
): Promise<void> {
  const { action, principalId, sandboxId, flowId, detail } = kept
  const flow = await selectEntity(tx, sandboxId, 'flows', flowId)
  await access.audit(
    {
      principalId,
      sandboxId,
      action,
      assetType: 'Destination',
      assetId: flowId,
      status: action === 'export' || action === 'deliver' ? 'Deny' : 'Allow',
      detail: { ...(flow ? { assetName: String(flow.document['name']) } : {}), ...detail },
    },
    tx,
  )
}

/** Of a run that has failed, if a right or a rule was the reason. */
export async function auditRefusedRun(auditing: Auditing, tx: Transaction, run: Run): Promise<void> {
  if (run.state !== 'failed' || !decidedCodes.includes(run.code)) return
  await auditKeptRun(auditing, tx, {
    run,
    action: 'deliver',
    detail: { code: run.code, reason: run.message },
  })
}

export async function auditKeptRun(
  auditing: Auditing,
  tx: Transaction,
  kept: {
    readonly run: Run
    readonly action: KeptAction
    readonly detail: Readonly<Record<string, unknown>>
  },
): Promise<void> {
  const { run, action, detail } = kept
  const { principalId, sandboxId, subjectId, payload } = run
  const of = { runId: run.id, datasetId: datasetIdOf(payload) ?? null }
  await auditKept(auditing, tx, {
    action,
    principalId,
    sandboxId,
    flowId: flowIdOf(subjectId),
    detail: { ...of, ...detail },
  })
}
