import { chmod, lchown, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { unprivilegedIds } from './run-as.ts'

/** Before an engine child writes: under root it runs as another user, who needs the folder. */
export async function lendFolder(folder: string): Promise<void> {
  const ids = unprivilegedIds()
  if (ids) await lchown(folder, ids.uid, ids.gid)
}

/** An empty folder for one attempt at something, which engine children may write to: `root/ID/FENCE`. */
export async function newAttemptFolder(root: string, id: string, fence: number): Promise<string> {
  const all = join(root, id)
  await mkdir(all, { recursive: true })
  await chmod(all, 0o711)
  // Done again in the same attempt it has the name again.
  const folder = join(all, String(fence))
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  await chmod(folder, 0o755)
  await lendFolder(folder)
  return folder
}
