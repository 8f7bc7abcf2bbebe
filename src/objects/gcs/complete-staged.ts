import { json } from 'node:stream/consumers'
import { z } from 'zod'
import { type Completion, completeOnce } from '../remote/complete-staged.ts'
import { createOnce, missing } from '../remote/create-once.ts'
import { type Connection, objectPath } from './connection.ts'
import { isTaken } from './failure.ts'
import { hashMark, headObject, writeMark } from './objects.ts'
import { readObject } from './read-object.ts'

/**
 * Gives staged bytes their final name: the store copies the object, refused where the name is taken. The object bears
 * the token's id, so that whoever completes again recognises it.
 */
export async function completeStaged(connection: Connection, completion: Completion): Promise<void> {
  const { token, key, signal } = completion
  const { name } = token
  await completeOnce(connection, completion, {
    head: () => headObject(connection, { name, signal }, key),
    copyOnce: () => copyOnce(connection, completion),
    read: () => readObject(connection, { key, name, signal }),
    hashMark,
  })
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
              body: [resource],
            },
            abortSignal,
          )
          const step = rewritten.parse(await json(answer))
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
