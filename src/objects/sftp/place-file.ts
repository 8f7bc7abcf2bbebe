import type { Asking } from '../remote/ask.ts'
import { createOnce } from '../remote/create-once.ts'
import type { Connection } from './connection.ts'
import { isMissing, mayBeTaken, SftpRefusal } from './failure.ts'
import { lookAt, rename } from './requests.ts'

/**
 * Gives a file its final name, where there is none of it. OpenSSH refuses a rename to a name that is taken, in one step;
 * others may replace, so we look before: names are unique, and a run has one writer by its lease.
 *
 * The staging name is nobody else's. So when it is gone and the final one is there, an earlier try did it.
 */
export async function placeFile(
  connection: Connection,
  asking: Asking,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<'created' | 'exists'> {
  return await createOnce(connection, asking, {
    write: (signal) =>
      connection.once(signal, async (sftp) => {
        if (await lookAt(sftp, to)) throw new SftpRefusal(11, 'The name is taken.')
        await rename(sftp, from, to)
      }),
    look: () =>
      connection.ask(asking, async (sftp) => {
        if (!(await lookAt(sftp, to))) return 'absent'
        return (await lookAt(sftp, from)) ? 'exists' : 'created'
      }),
    isTaken: mayBeTaken,
    isGone: isMissing,
  })
}
