import { createHash } from 'node:crypto'
import type { SFTPWrapper } from 'ssh2'
import { AppError } from '#base/errors.ts'
import type { Staged } from '../object-store.ts'
import { LostAnswer } from '../remote/failure.ts'
import { inParts, PartBuffers } from '../remote/parts.ts'
import { tidyMsMax, writeMsMax } from '../remote/policy.ts'
import { sendParts } from '../remote/send-parts.ts'
import type { Connection } from './connection.ts'
import { failureOf, isMissing } from './failure.ts'
import { closeFile, lookAt, makeFolder, openFile, syncFile, unlinkIfThere, writeAt } from './requests.ts'

interface Writing {
  readonly path: string
  readonly name: string
  readonly bytes: AsyncIterable<Uint8Array>
  readonly signal: AbortSignal
}

/**
 * Writes a new file under a name that is nobody else's. A part is kept until the server has taken it, so that after a
 * lost connection another one goes on with it. On a failure nothing is left, if the server can be reached.
 */
export async function writeFile(connection: Connection, writing: Writing): Promise<Staged> {
  const inTime = AbortSignal.timeout(writeMsMax)
  const signal = AbortSignal.any([writing.signal, inTime])
  try {
    return await writeAll(connection, { ...writing, signal })
  } catch (error) {
    await removeQuietly(connection, writing)
    if (!inTime.aborted || writing.signal.aborted) throw error
    throw new AppError('store.unreachable', `${JSON.stringify(writing.name)} could not be written in time.`, {
      hint: `Writing one object may take ${writeMsMax / 3_600_000} hours.`,
      cause: error,
    })
  }
}

async function writeAll(connection: Connection, { path, name, bytes, signal }: Writing): Promise<Staged> {
  const hash = createHash('sha256')
  let [written, sent] = [0, 0]
  const handles = new WeakMap<SFTPWrapper, Promise<Buffer>>()
  let isBegun = false
  /** Of this session; the file is there from the first on, so a lost answer to its beginning does no harm. */
  const handleOf = async (sftp: SFTPWrapper): Promise<Buffer> => {
    const known = handles.get(sftp)
    if (known) return await known
    const opening = openHandle(sftp, path, isBegun)
    handles.set(sftp, opening)
    const handle = await opening
    isBegun = true
    return handle
  }
  await connection.ask({ name, signal }, handleOf)
  const tally = {
    add: (piece: Uint8Array) => {
      hash.update(piece)
      written += piece.length
    },
  }
  const { policy } = connection
  const buffers = new PartBuffers()
  const parts = inParts(bytes, { sizes: policy, buffers, tally, signal })
  await sendParts(parts, { ...policy, buffers }, async (part) => {
    const position = sent
    sent += part.bytes.length
    await connection.ask({ name, signal, bodyBytes: part.bytes.length }, async (sftp) =>
      writeAt(sftp, await handleOf(sftp), part.bytes, position),
    )
  })
  await connection.ask({ name, signal, answerMsMax: policy.completeMsMax }, async (sftp) => {
    const handle = await handleOf(sftp)
    await syncFile(sftp, handle)
    const { size } = (await lookAt(sftp, path)) ?? { size: 0 }
    if (size !== written) throw new LostAnswer(`The server has ${size} of ${written} bytes.`)
    await closeFile(sftp, handle)
  })
  return { bytes: written, sha256: hash.digest('hex') }
}

async function openHandle(sftp: SFTPWrapper, path: string, isBegun: boolean): Promise<Buffer> {
  try {
    return await openFile(sftp, path, isBegun ? 'r+' : 'w')
  } catch (error) {
    if (isBegun || !isMissing(failureOf(error))) throw error
    await makeFolder(sftp, path.slice(0, path.lastIndexOf('/')))
    return await openFile(sftp, path, 'w')
  }
}

/** Whatever was the matter before, it is what is told. */
async function removeQuietly(connection: Connection, { path, name }: Writing): Promise<void> {
  const signal = AbortSignal.timeout(tidyMsMax)
  await connection
    .ask({ name, signal }, (sftp) => unlinkIfThere(sftp, path))
    .catch((error: unknown) => {
      if (!(error instanceof AppError) && !signal.aborted) throw error
    })
}
