import { execFile } from 'node:child_process'
import { readFile, readlink, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Logger } from '#base/log.ts'

const run = promisify(execFile)
const pollMs = 20
/**
 * A fast shutdown writes what is in memory; after this it is cut short and the next start recovers, which takes no longer.
 * PostgreSQL 16 never ends by one that meets it between a crash and the recovery: nobody tells the checkpointer.
 */
const fastShutdownMsMax = 2_000
const immediateShutdownMsMax = 10_000

/** What PostgreSQL says of itself in `postmaster.pid`. */
export async function readPostmaster(
  dataFolder: string,
): Promise<{ readonly pid: number; readonly isReady: boolean } | undefined> {
  const text = await readFile(join(dataFolder, 'postmaster.pid'), 'utf8').catch(() => '') // Absent: none runs.
  const lines = text.split('\n')
  const pid = Number(lines[0])
  return pid > 0 ? { pid, isReady: lines[7]?.trim() === 'ready' } : undefined
}

/**
 * Ends a server that an earlier, killed owner of this data left behind and takes its file away. Only for who
 * holds the home. PostgreSQL itself would take any living process with the number in a stale file for its
 * server, and numbers come again soon in a container.
 */
export async function endOldPostmaster(dataFolder: string, logger: Logger): Promise<void> {
  const old = await readPostmaster(dataFolder)
  if (!old) return
  if (await servesFolder(old.pid, dataFolder)) {
    logger.log('info', 'postgres.old.ending', { pid: old.pid })
    const end = async (signal: NodeJS.Signals, withinMs: number) => {
      for (let spentMs = 0; spentMs < withinMs; spentMs += pollMs) {
        if (!(await servesFolder(old.pid, dataFolder))) return true
        if (spentMs % 1_000 === 0) process.kill(old.pid, signal)
        await delay(pollMs)
      }
      return false
    }
    if (!(await end('SIGINT', fastShutdownMsMax))) await end('SIGQUIT', immediateShutdownMsMax)
  }
  await rm(join(dataFolder, 'postmaster.pid'), { force: true })
}

/** Whether that process lives and is a PostgreSQL on that folder. */
async function servesFolder(pid: number, dataFolder: string): Promise<boolean> {
  if (process.platform === 'linux') {
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined) // No such process, or not one of ours.
    return cwd !== undefined && cwd === (await realpath(dataFolder))
  }
  const command = await run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => undefined)
  return command?.stdout.includes(dataFolder) ?? false
}
