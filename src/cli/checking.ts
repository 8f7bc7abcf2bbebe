import { stat } from 'node:fs/promises'
import { CliError, exitCodes } from './exit-code.ts'
import type { CliHost, VerifyOptions } from './host.ts'
import type { Terminal } from './terminal.ts'
import { bytes, counted, number } from './text.ts'

/** How who reads deliveries is stopped, and what the terminal shows meanwhile. */
export function checking({ signal }: CliHost, terminal: Terminal): VerifyOptions {
  return {
    signal,
    onHostKey: (fingerprint) =>
      terminal.note(
        `The server has the key ${fingerprint}; to be sure that it is the right one give --host-key.`,
      ),
    onProgress: ({ filesChecked, fileCount, bytesChecked }) =>
      terminal.progress(
        `Checked ${number(filesChecked)} of ${counted(fileCount, 'file')}, ${bytes(bytesChecked)}`,
      ),
  }
}

export async function requireFolder(folder: string): Promise<void> {
  const stats = await stat(folder).catch(() => undefined) // Whatever the reason: it cannot be looked into.
  if (!stats?.isDirectory())
    throw new CliError(exitCodes.unknown, `There is no folder ${folder}, or it cannot be read.`)
}
