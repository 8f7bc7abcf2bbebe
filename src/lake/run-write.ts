import { AppError } from '#base/errors.ts'
import { type Committed, commitChange, type CommitOutcome, type CommitRequest } from './commit.ts'
import type { LakeContext } from './lake-context.ts'
import type { TableDefinition } from './table-definition.ts'
import type { Write } from './writes.ts'

export type WriteOutcome = Committed | Exclude<CommitOutcome, { readonly kind: 'committed' | 'unknown' }>

/**
 * Records a write, does it, and settles what becomes of its files: those of a commit stay, those of a commit that may
 * have happened are left to the sweep, all others go.
 */
export async function runWrite(
  context: LakeContext,
  table: Pick<TableDefinition, 'id' | 'datasetId'>,
  work: (write: Write) => Promise<CommitOutcome>,
): Promise<WriteOutcome> {
  const write = await context.writes.begin(table)
  let outcome: CommitOutcome
  try {
    outcome = await work(write)
  } catch (error) {
    await write.discard()
    throw error
  }
  if (outcome.kind === 'unknown') {
    write.leave()
    throw outcome.error
  }
  if (outcome.kind === 'committed' && outcome.isNew) write.leave()
  else await write.discard()
  return outcome
}

/** Commits when the turn of this process comes. */
export async function commitInTurn(context: LakeContext, request: CommitRequest): Promise<CommitOutcome> {
  return await context.turns.take(request.tableId, async () => await commitChange(context, request))
}

/** A commit without new rows. @throws AppError 'lake.conflict' when the process slept so long that it was taken for dead */
export async function runChange(
  context: LakeContext,
  table: Pick<TableDefinition, 'id' | 'datasetId'>,
  request: Omit<CommitRequest, 'tableId' | 'writeId' | 'build'> & {
    readonly build: (
      ...given: [...Parameters<CommitRequest['build']>, writeId: string]
    ) => ReturnType<CommitRequest['build']>
  },
): Promise<Committed | undefined> {
  const outcome = await runWrite(
    context,
    table,
    async (write) =>
      await commitInTurn(context, {
        ...request,
        tableId: table.id,
        writeId: write.id,
        build: async (base, attempt) => await request.build(base, attempt, write.id),
      }),
  )
  if (outcome.kind === 'committed') return outcome
  if (outcome.kind === 'stale') return undefined
  throw new AppError('lake.conflict', 'The change took so long that it was given up.', { hint: 'Try again.' })
}
