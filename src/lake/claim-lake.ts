import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import type { ObjectStore } from '#objects/object-store.ts'

/** Whose lake it is: a home, and since which restore. */
export interface LakeOwner {
  readonly homeId: string
  readonly epoch: number
}

/** Beside the tables' folders. */
const markName = 'sluice-lake.json'
const markSchema = z.object({ format: z.literal('sluice-lake'), homeId: z.string(), epoch: z.int() })
const signal = new AbortController().signal

/**
 * Makes a place on another machine the lake of one home, or sees that it is. Two homes on one lake would take each
 * other's files for such that nobody knows, and remove them; a restored home is another one.
 * @throws AppError 'config.invalid' when it is another's
 */
export async function claimLake(
  store: Pick<ObjectStore, 'location' | 'putIfAbsent' | 'read'>,
  { homeId, epoch }: LakeOwner,
): Promise<void> {
  const mark = Buffer.from(`${JSON.stringify({ format: 'sluice-lake', homeId, epoch })}\n`)
  if ((await store.putIfAbsent(markName, mark, { signal })) === 'created') return
  const chunks: Uint8Array[] = []
  for await (const chunk of store.read(markName, { signal })) chunks.push(chunk)
  const found = markOf(Buffer.concat(chunks))
  if (found?.homeId === homeId && found.epoch === epoch) return
  const whose = found?.homeId === homeId ? 'this home as it was before or after a restore' : 'another home'
  throw new AppError('config.invalid', `${store.location} is the lake of ${whose}.`, {
    hint: `Give lake.location a prefix of its own. Where a lake was moved to on purpose, remove ${markName} once nothing else uses it.`,
  })
}

function markOf(bytes: Buffer): z.infer<typeof markSchema> | undefined {
  try {
    return markSchema.parse(JSON.parse(bytes.toString()))
  } catch {
    return undefined // Nothing that we wrote: somebody else's.
  }
}
