import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Staged, StageToken } from '../object-store.ts'
import { createOnce, existsError, missing } from '../remote/create-once.ts'
import { type Connection, objectPath } from './connection.ts'
import { isTaken } from './failure.ts'
import { type FoundObject, hashMark, headObject, writeMark } from './objects.ts'
import { readObject } from './read-object.ts'

export interface Completion {
  readonly token: StageToken
  readonly staged: Staged
  /** Of the final name. */
  readonly key: string
  readonly stagedKey: string
  readonly signal: AbortSignal
}

/**
 * Gives staged bytes their final name: the store copies the object, refused where the name is taken. The object bears
 * the token's id, so that whoever completes again recognises it.
 */
export async function completeStaged(connection: Connection, completion: Completion): Promise<void> {
  const { token, key, signal } = completion
  const asking = { name: token.name, signal }
  signal.throwIfAborted()
  let there = await headObject(connection, asking, key)
  if (!there) {
    if ((await copyOnce(connection, completion)) === 'created') return
    there = await headObject(connection, asking, key)
  }
  if (!there) throw missing(connection, token.name)
  if (!(await holds(connection, completion, there))) throw existsError(connection, token.name)
}

const rewritten = z.looseObject({ done: z.boolean(), rewriteToken: z.string().optional() })

async function copyOnce(connection: Connection, completion: Completion): Promise<'created' | 'exists'> {
  const { token, staged, key, stagedKey, signal } = completion
  const { name, id: mark } = token
  const source = await headObject(connection, { name, signal }, stagedKey)
  // One that somebody replaced has another hash or none; one that was cut another size.
  if (source?.bytes !== staged.bytes || source.marks[hashMark] !== staged.sha256)
    throw missing(connection, name)
  const target = objectPath(connection, key).slice('/storage/v1'.length)
  const resource = JSON.stringify({
    contentType: 'application/octet-stream',
    metadata: { [writeMark]: mark, [hashMark]: staged.sha256 },
  })
  const answerMsMax = connection.policy.completeMsMax
  return await createOnce(
    connection,
    { name, signal, answerMsMax },
    {
      write: async (abortSignal) => {
        // Large ones are copied in several steps; the object is there after the last.
        for (let rewriteToken: string | undefined; ;) {
          const answer = await connection.send(
            {
              method: 'POST',
              path: `${objectPath(connection, stagedKey)}/rewriteTo${target}`,
              query: { ifGenerationMatch: 0, ifSourceGenerationMatch: source.generation, rewriteToken },
              headers: { 'content-type': 'application/json' },
              body: resource,
            },
            abortSignal,
          )
          const step = rewritten.parse(await answer.json())
          if (step.done) return
          rewriteToken = step.rewriteToken
        }
      },
      look: async () => {
        const found = await headObject(connection, { name, signal }, key)
        if (!found) return 'absent'
        return found.marks[writeMark] === mark ? 'created' : 'exists'
      },
      isTaken,
      isGone: () => false,
    },
  )
}

/** Whether the object that has the final name is ours, by its mark, or by its bytes. */
async function holds(
  connection: Connection,
  { token, staged, key, signal }: Completion,
  there: FoundObject,
): Promise<boolean> {
  if (there.bytes !== staged.bytes) return false
  const hash = there.marks[hashMark]
  if (hash !== undefined) return hash === staged.sha256
  const read = createHash('sha256')
  for await (const chunk of readObject(connection, { key, name: token.name, signal })) read.update(chunk)
  return read.digest('hex') === staged.sha256
}
