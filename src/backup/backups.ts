import type { RunId } from '#base/ids.ts'
import type { Caller } from '#access/access.ts'
import type { Run } from '#jobs/jobs.ts'

/**
 * Backups of everything a home keeps, taken while it works: the database, the lake, uploads that wait to be loaded,
 * keys and credentials, all as they were at one moment. Each is a run that is kept, leased and followed like others.
 */
export interface Backups {
  /**
   * Takes a backup into the folder soon. The folder holds any number of them, each whole by itself.
   * @throws AppError 'access.denied', 'backup.invalid' for a folder that cannot hold them
   */
  request(caller: Caller, request: BackupRequest): Promise<RunId>
  /** Newest first. */
  runs(): Promise<readonly BackupRun[]>
  /** @throws AppError 'backup.unknown' */
  run(runId: RunId): Promise<BackupRun>
}

export interface BackupRequest {
  /** Absolute, on the server's machine. */
  readonly folder: string
  /** Only says what would be done. */
  readonly isDryRun: boolean
}

export interface BackupRun {
  readonly id: RunId
  readonly state: Run['state']
  readonly folder: string
  readonly isDryRun: boolean
  readonly createdAt: Date
  readonly finishedAt: Date | undefined
  readonly progress: BackupProgress
  readonly message: string | undefined
}

/** `waiting` before the first step. */
export interface BackupProgress {
  readonly phase: 'waiting' | 'database' | 'lake' | 'home' | 'finishing' | 'done'
  /** Name of the backup's folder, once it is whole. */
  readonly backupId: string | undefined
  readonly rows: number
  readonly files: number
  readonly filesDone: number
  /** Of them those that an earlier backup in the folder had. */
  readonly filesLinked: number
  readonly bytes: number
  readonly bytesDone: number
}

export const noProgress: BackupProgress = {
  phase: 'waiting',
  backupId: undefined,
  rows: 0,
  files: 0,
  filesDone: 0,
  filesLinked: 0,
  bytes: 0,
  bytesDone: 0,
}
