import type { SandboxId } from '#base/ids.ts'
import type { Db } from './metadata.ts'
import { preparedStatement } from './prepared.ts'

export interface RevisionTables {
  /** Renewed by triggers, at the commit of every change of what the scope covers. */
  revisions: { scope: string; revision: string }
}

/** `rights`: all that the decision function reads. `registry …`: resources and descriptors of a sandbox. */
export type RevisionScope = 'rights' | `registry ${SandboxId}`

/** Until the first change. */
export const noRevision = 'none yet'

const revisionOf = preparedStatement<{ readonly revision: string }>(
  'select revision from revisions where scope = $1',
)

/** The same revision, the same answers. */
export async function selectRevision(db: Db, scope: RevisionScope): Promise<string> {
  const [row] = await revisionOf(db, [scope])
  return row?.revision ?? noRevision
}
