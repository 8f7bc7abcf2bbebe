import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** Whom a child process runs as. */
export interface Ids {
  readonly uid: number
  readonly gid: number
}

/**
 * Accounts a child may drop to, the best first. `nobody` stands before `postgres` because on a machine with
 * another PostgreSQL that account could read its data.
 */
const accounts = ['sluice', 'nobody', 'postgres']

let known: { readonly ids: Ids | undefined } | undefined

/** The ids children drop to when this process is root; undefined when it is not. */
export function unprivilegedIds(): Ids | undefined {
  known ??= { ids: process.getuid?.() === 0 ? accountIds() : undefined }
  return known.ids
}

function accountIds(): Ids {
  const rows = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  for (const account of accounts) {
    const row = rows.find((row) => row[0] === account)
    const uid = Number(row?.[2])
    if (uid > 0) return { uid, gid: Number(row?.[3]) }
  }
  throw new Error(
    `Sluice runs as root and needs one of the accounts ${accounts.join(', ')} in /etc/passwd to run its children as. Add one: useradd --system sluice.`,
  )
}

/** The outermost folder above `path` which those ids may not pass through, if there is one. */
export function firstUnreachableFolder(path: string, ids: Ids): string | undefined {
  const folders: string[] = []
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    folders.unshift(folder)
    if (folder === dirname(folder)) break
  }
  return folders.find((folder) => !mayPass(folder, ids))
}

function mayPass(folder: string, ids: Ids): boolean {
  const stats = statSync(folder, { throwIfNoEntry: false })
  if (!stats) return true // It does not exist yet: its maker decides.
  const bit = stats.uid === ids.uid ? 0o100 : stats.gid === ids.gid ? 0o010 : 0o001
  return (stats.mode & bit) !== 0
}
