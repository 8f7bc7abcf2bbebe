import { randomUUID } from 'node:crypto'
import type { Access, Caller } from '#access/access.ts'
import { AppError } from '#base/errors.ts'
import type { Jobs, Run } from '#jobs/jobs.ts'
import { selectHomeState } from '#metadata/home-state.ts'
import { type BackupProgress, type BackupRun, type Backups, noProgress } from './backups.ts'
import { checkBackupFolder, checkRepository } from './repository.ts'
import { backupPayload, runBackup, type RunBackupOptions } from './run-backup.ts'

export interface BackupsOptions extends RunBackupOptions {
  readonly access: Access
  readonly jobs: Jobs
  /** Of the lake, or of files on their way to it: no place for backups. */
  readonly lakeFolder: string
}

const kind = 'backup'
const runsShownMax = 20

/** Registers the job kind `backup`: to be called before the jobs start. */
export function createBackups(options: BackupsOptions): Backups {
  const { metadata, access, jobs, clock, home, lakeFolder } = options
  jobs.register({ kind, parallelRunsMax: 1, run: async (context) => await runBackup(options, context) })

  async function request(caller: Caller, { folder, isDryRun }: Parameters<Backups['request']>[1]) {
    const by = { principalId: caller.principal.id, sandboxId: caller.sandbox.id }
    await access.require({
      principal: caller.principal,
      permission: 'administer-organization',
      sandboxId: caller.sandbox.id,
    })
    await checkBackupFolder(folder, [home, lakeFolder])
    await checkRepository(folder, (await selectHomeState(metadata.db)).home_id)
    const runId = await metadata.transaction(async (tx) => {
      await access.audit(
        {
          ...by,
          action: 'backup',
          assetType: 'Home',
          assetId: folder,
          status: 'Allow',
          detail: { isDryRun },
        },
        tx,
      )
      return await jobs.enqueue(tx, {
        kind,
        // Into a folder of this machine, one after the other.
        subjectId: jobs.nodeId,
        nodeId: jobs.nodeId,
        tick: `by hand ${randomUUID()}`,
        dueAt: clock.now(),
        ...by,
        payload: { folder, isDryRun },
      })
    })
    jobs.ring()
    return runId
  }

  return {
    request,
    runs: async () => (await jobs.runs({ kind, limit: runsShownMax })).map(backupRun),
    run: async (runId) => {
      const run = await jobs.run(runId)
      if (run?.kind === kind) return backupRun(run)
      throw new AppError('backup.unknown', `There is no backup run ${runId}.`)
    },
  }
}

function backupRun(run: Run): BackupRun {
  const said = run.state === 'succeeded' ? run.result : run.progress
  return {
    id: run.id,
    state: run.state,
    ...backupPayload.parse(run.payload),
    createdAt: run.createdAt,
    finishedAt: 'finishedAt' in run ? run.finishedAt : undefined,
    progress: { ...noProgress, ...(said as Partial<BackupProgress>) },
    message: 'message' in run ? run.message : undefined,
  }
}
