import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { lockParts, refenceParts } from '#metadata/exports.ts'
import type { RunScope } from './run-scope.ts'
import type { Spooled } from './spooled.ts'
import { stagedPartOf } from './stage.ts'
import type { StagedPart } from './stage-part.ts'

/** What a paused attempt leaves to the next: the spool, and the parts of it that are staged and counted, by number. */
export interface PausedWork {
  readonly spooled: Spooled
  readonly staged: ReadonlyMap<number, StagedPart>
}

const count = z.int().nonnegative()
const pausedNote = z.strictObject({
  /** Of the attempt: only what it staged is taken over. */
  fence: z.int(),
  spooled: z.strictObject({
    sourceRowCount: count,
    sourceBytes: count,
    skippedRowCount: count,
    emittedRowCount: count,
    files: z.array(
      z.strictObject({
        path: z.string(),
        folder: z.string(),
        rowCount: count,
        bytes: count,
        partition: z.record(z.string(), z.unknown()),
        statistics: z.record(z.string(), z.unknown()),
      }),
    ),
  }),
})

/** Beside the spool, and lost with it: then the next attempt begins anew. */
export async function notePaused(
  { spoolFolder, context }: Pick<RunScope, 'spoolFolder' | 'context'>,
  spooled: Spooled,
): Promise<void> {
  const path = noteOf(spoolFolder, context.run.id)
  await writeFile(`${path}.new`, JSON.stringify({ fence: context.lease.fence, spooled }))
  await rename(`${path}.new`, path)
}

/**
 * Takes over what a paused attempt has left on this node, under the fence of this one; undefined where it has left
 * nothing, or not all of it is there any more. Of what is staged the destination is not asked: what has vanished there is
 * found when it is completed, and built again.
 */
export async function takeUpPaused(scope: RunScope): Promise<PausedWork | undefined> {
  const { metadata, context, spoolFolder } = scope
  const { run, lease } = context
  const note = await readNote(noteOf(spoolFolder, run.id))
  if (!note) return undefined
  const { spooled, fence } = note
  const staged = await metadata.transaction(async (tx) => {
    await lease.assertHeld(tx)
    const found = new Map<number, StagedPart>()
    // Locked: whoever removes one has claimed it before, or will find it changed.
    for (const row of await lockParts(tx, run.id, ['staged'])) {
      const file = spooled.files[row.number]
      if (row.fence === fence && file && Number(row.row_count) === file.rowCount)
        found.set(row.number, stagedPartOf(row))
    }
    if (!(await hasOthers(spooled, found))) return undefined
    const ids = [...found.values()].map(({ id }) => id)
    await refenceParts(tx, ids, lease.fence)
    return found
  })
  if (!staged) return undefined
  // Once: should this attempt fail, it may be for what it took over.
  await rm(noteOf(spoolFolder, run.id), { force: true })
  return { spooled, staged }
}

/** Whether the spool has whole what is not staged. */
async function hasOthers(spooled: Spooled, staged: PausedWork['staged']): Promise<boolean> {
  for (const [number, file] of spooled.files.entries()) {
    if (staged.has(number)) continue
    const size = await stat(file.path).then(
      ({ size }) => size,
      () => undefined, // Gone: everything is done again.
    )
    if (size !== file.bytes) return false
  }
  return true
}

async function readNote(path: string) {
  try {
    const note = pausedNote.parse(JSON.parse(await readFile(path, 'utf8')))
    return { fence: note.fence, spooled: note.spooled as Spooled }
  } catch {
    return undefined // There is none, or it was cut by an accident: everything is done again.
  }
}

function noteOf(spoolFolder: string, runId: string): string {
  return join(spoolFolder, runId, 'paused.json')
}
