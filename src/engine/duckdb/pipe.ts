import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, constants, openSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { quoteLiteral } from '#base/sql-text.ts'
import type { Sandbox } from './instances.ts'

/** As they are: no quotes, no escapes. Each text has a line feed behind it. */
const asTheyAre = `FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '', USE_TMP_FILE false`

/**
 * Hands the bytes of a query's one column of texts on, line by line, as the engine's threads make them: it writes into a pipe
 * with a name, and waits while nobody reads. Reading a text at a time out of its vectors takes many times as long.
 * @param folder where the engine may write
 * @param take must take all chunks or throw, which ends the query
 * @returns how many lines the engine wrote
 */
export async function throughPipe(
  connection: Sandbox['connection'],
  { sql, folder }: { readonly sql: string; readonly folder: string },
  take: (chunks: AsyncIterable<Buffer>) => Promise<void>,
): Promise<number> {
  const path = join(folder, `${randomUUID()}.pipe`)
  await promisify(execFile)('mkfifo', ['-m', '600', path]).catch((cause: unknown) => {
    throw new Error(`The program mkfifo is needed where the engine runs: ${String(cause)}`, { cause })
  })
  try {
    const read = new Socket({
      fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
      readable: true,
      writable: false,
    })
    // While somebody might write, what is read has no end: so it waits for the engine to begin.
    const writer = openSync(path, constants.O_WRONLY)
    // Not by looks: one that finds an error waits for a thread that waits for us to read.
    const copied = connection
      .run(`COPY (${sql}) TO ${quoteLiteral(path)} (${asTheyAre})`)
      .finally(() => closeSync(writer))
    const [taken, written] = await Promise.allSettled([
      take(read).finally(() => read.destroy()), // Whoever writes on then fails.
      copied,
    ])
    if (taken.status === 'rejected' && (written.status === 'fulfilled' || isBrokenPipe(written.reason)))
      throw taken.reason
    if (written.status === 'rejected') throw written.reason
    return written.value.rowsChanged
  } finally {
    await rm(path, { force: true })
  }
}

/** That nobody reads any longer, which comes of another error. */
function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && /Broken pipe/i.test(error.message)
}
