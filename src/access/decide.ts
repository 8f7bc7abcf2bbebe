import type { DatasetId } from '#base/ids.ts'
import type { AccessPolicy, Decision, Question, Restriction, View } from './access.ts'
import { givenBy, type Permission } from './permissions.ts'
import type { Rights } from './rights.ts'

/** The one decision: what roles give, narrowed by what policies say. */
export async function decide(
  rights: Rights,
  policies: readonly AccessPolicy[],
  question: Question,
): Promise<Decision> {
  const missing = await missingOf(rights, question)
  return missing === undefined ? await restricted(policies, question) : { isAllowed: false, missing }
}

/** As `decide` for each of the datasets, with roles asked once: those it is yes for. */
export async function decideDatasets(
  rights: Rights,
  policies: readonly AccessPolicy[],
  { question, datasetIds }: { readonly question: Question; readonly datasetIds: readonly DatasetId[] },
): Promise<ReadonlySet<DatasetId>> {
  if ((await missingOf(rights, question)) !== undefined) return new Set()
  if (policies.length === 0) return new Set(datasetIds)
  const allowed = new Set<DatasetId>()
  for (const datasetId of datasetIds) {
    if ((await restricted(policies, { ...question, datasetId })).isAllowed) allowed.add(datasetId)
  }
  return allowed
}

/** What no role gives; undefined when all of it is given. */
async function missingOf(rights: Rights, question: Question): Promise<Permission | undefined> {
  const { principal, permission, sandboxId, rightsRevision } = question
  const asked = permission === 'batch-queries' ? 'manage-queries' : permission
  const { permissions, isEntitledToBatch } = await rights.inSandbox(
    { principalId: principal.id, sandboxId },
    rightsRevision,
  )
  if (!givenBy(asked).some((giver) => permissions.has(giver))) return asked
  return permission === 'batch-queries' && !isEntitledToBatch ? permission : undefined
}

async function restricted(policies: readonly AccessPolicy[], question: Question): Promise<Decision> {
  return narrowed(question, await restrictionsOf(policies, question))
}

export async function restrictionsOf(
  policies: readonly AccessPolicy[],
  question: Question,
): Promise<Restriction[]> {
  const restrictions: Restriction[] = []
  for (const policy of policies) restrictions.push(...(await policy.restrict(question)))
  return restrictions
}

/** A denial wins; filters all apply; a column that two policies mask differently is hidden. */
function narrowed(question: Question, restrictions: readonly Restriction[]): Decision {
  const denied: Decision = { isAllowed: false, missing: question.permission }
  const rowFilters: string[] = []
  const masks = new Map<string, string>()
  const hidden = new Set<string>()
  for (const restriction of restrictions) {
    if (restriction.kind === 'deny') return denied
    rowFilters.push(...(restriction.rowFilters ?? []))
    for (const column of restriction.hiddenColumns ?? []) hidden.add(column)
    for (const [column, mask] of Object.entries(restriction.masks ?? {})) {
      if ((masks.get(column) ?? mask) !== mask) hidden.add(column)
      masks.set(column, mask)
    }
  }
  if (question.columns?.some((column) => hidden.has(column))) return denied
  for (const column of hidden) masks.delete(column)
  return { isAllowed: true, rowFilters, masks: Object.fromEntries(masks), hiddenColumns: [...hidden] }
}

/** Whether all rows and columns are seen as they are. */
export function isWhole({ rowFilters, masks, hiddenColumns }: View): boolean {
  return rowFilters.length === 0 && Object.keys(masks).length === 0 && hiddenColumns.length === 0
}
