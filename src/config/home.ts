import { homedir } from 'node:os'
import { join } from 'node:path'

/** Everything below the home folder, by name. */
export function homePaths(home: string) {
  return {
    /** Folder of the lock on the home. */
    lock: join(home, 'lock'),
    /** Version stamp: which layout the home has. */
    stamp: join(home, 'version.json'),
    /** There while a restore into the home has not finished. */
    restoring: join(home, 'restoring'),
    config: join(home, 'config.json'),
    credentials: join(home, 'credentials.json'),
    postgres: join(home, 'postgres'),
    /** Copies of programs that an unprivileged child could not reach where they are installed. */
    programs: join(home, 'programs'),
    lake: join(home, 'lake'),
    /** Copies of a lake that is elsewhere; can be lost. */
    cache: join(home, 'cache'),
    staging: join(home, 'staging'),
    /** Messages that were accepted and are in no batch yet. */
    streams: join(home, 'streams'),
    spool: join(home, 'spool'),
    /** Kept results of queries; can be lost. */
    results: join(home, 'results'),
    scratch: join(home, 'scratch'),
    /** Copies of results for who asked for them; they end by themselves. */
    scratchSpace: join(home, 'scratch-space'),
    /** A PostgreSQL that answers questions to the catalogue; made anew by each start. */
    shadow: join(home, 'shadow'),
    /** The session that this home has at Spark. */
    sparkSession: join(home, 'spark-session'),
    /** Rows on their way from Spark to the lake. */
    sparkRows: join(home, 'spark-rows'),
    tls: join(home, 'tls'),
    keys: join(home, 'keys'),
    masterKeys: join(home, 'keys', 'master-keys.json'),
    /** Where the audit's chain ended when it was last sealed. */
    auditHead: join(home, 'audit-head.json'),
    /** How long that chain was on which day, and since when it must be whole. */
    auditMarks: join(home, 'audit-marks.json'),
    /** Uploads that a backup under way holds on to. */
    backupHold: join(home, 'backup-hold'),
  } as const
}

/** Where Sluice lives unless told otherwise. */
export function defaultHome(isRoot: boolean = process.getuid?.() === 0): string {
  return isRoot ? '/var/lib/sluice' : join(homedir(), '.sluice')
}
