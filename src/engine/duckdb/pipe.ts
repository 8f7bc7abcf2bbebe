import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, constants, openSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A pipe with a name, into which the engine can write as into a file. */
export interface NamedPipe extends AsyncDisposable {
  readonly path: string
  /** The end to be read, which does not wait; whoever takes it closes it. */
  readonly reader: number
  /** Until then what is read has no end, whether anybody writes or not. */
  end(): void
}

/** @param folder where the engine may write */
export async function makePipe(folder: string): Promise<NamedPipe> {
  const path = join(folder, `${randomUUID()}.pipe`)
  await promisify(execFile)('mkfifo', ['-m', '600', path]).catch((cause: unknown) => {
    throw new Error(`The program mkfifo is needed where the engine runs: ${String(cause)}`, { cause })
  })
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  let writer: number | undefined = openSync(path, constants.O_WRONLY)
  const end = (): void => {
    if (writer !== undefined) closeSync(writer)
    writer = undefined
  }
  return {
    path,
    reader,
    end,
    [Symbol.asyncDispose]: async () => {
      end()
      await rm(path, { force: true })
    },
  }
}
