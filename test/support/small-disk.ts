import { execFile } from 'node:child_process'
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A real disk that can really be full. */
export interface SmallDisk extends AsyncDisposable {
  /** Leaves so many bytes free, in whole pages. */
  fill(bytesLeft: number): Promise<void>
  /** Takes back what `fill` took. */
  makeRoom(): Promise<void>
}

/** Undefined where mounting is not allowed. */
export async function smallDisk(folder: string, bytes: number): Promise<SmallDisk | undefined> {
  await mkdir(folder, { recursive: true })
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder])
  } catch {
    return undefined
  }
  const filler = join(folder, 'filler')
  return {
    fill: async (bytesLeft) => {
      const { bfree, bsize } = await statfs(folder)
      await writeFile(filler, Buffer.alloc(bfree * bsize - bytesLeft))
    },
    makeRoom: () => rm(filler),
    [Symbol.asyncDispose]: async () => void (await run('umount', ['-l', folder])),
  }
}
