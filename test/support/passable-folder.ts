import { chmodSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A new temporary folder that children under another uid may pass through; whoever makes it removes it. */
export function passableFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `sluice-${name}-`))
  chmodSync(folder, 0o711)
  return folder
}
