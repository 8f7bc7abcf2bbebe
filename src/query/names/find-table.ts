import { AppError } from '#base/errors.ts'
import type { Dataset } from '#datasets/datasets.ts'
import { selectMembers } from '#metadata/databases.ts'
import { selectView, selectViewById, type ViewRow } from '#metadata/views.ts'
import { locate, type NameScope } from './names.ts'
import type { QueryServiceOptions } from '../services.ts'
import { seesTable } from './sees-table.ts'
import { fillerTag, type TemporaryTables, temporaryTag } from './temporary-tables.ts'

const suggestionsMax = 1_000

export interface FindScope extends NameScope {
  readonly services: NameScope['services'] & Pick<QueryServiceOptions, 'access' | 'datasets'>
  readonly temporaries?: TemporaryTables
}

/**
 * The table of that name, if the caller may read it and it has its rows.
 * @throws AppError 'access.denied' when he may read none at all
 */
export async function findTable(scope: FindScope, parts: readonly string[]): Promise<Dataset | undefined> {
  const dataset = await findAnyTable(scope, parts)
  return dataset && !isBeingFilled(dataset) ? dataset : undefined
}

/** One that CREATE TABLE … AS is filling is found too: it has the name already. */
export async function findAnyTable(scope: FindScope, parts: readonly string[]): Promise<Dataset | undefined> {
  const temporary = scope.temporaries?.get(parts)
  if (temporary) return temporary
  const place = await locate(scope, parts)
  const { services, caller } = scope
  const id = place?.kind === 'member' ? place.member.datasetId : undefined
  if (!place || id === null) return undefined
  const dataset = await orHidden(scope, parts, () =>
    id === undefined && place.kind === 'own'
      ? services.datasets.find(caller, place.name)
      : services.datasets.get(caller, id!),
  )
  if (!dataset || !isInFocus(scope, dataset)) return undefined
  return (await seesTable(services.access, caller, dataset.id)) ? dataset : undefined
}

/** The view of that name. What it reads, its reader must be allowed to read. */
export async function findView(scope: NameScope, parts: readonly string[]): Promise<ViewRow | undefined> {
  const place = await locate(scope, parts)
  if (!place) return undefined
  const { caller, services } = scope
  const { db } = services.metadata
  if (place.kind === 'own') return await selectView(db, caller.sandbox.id, place.name)
  const { viewId } = place.member
  return viewId === null ? undefined : await selectViewById(db, caller.sandbox.id, viewId)
}

/** Tables the session looks at that the caller may read, by table name; none for who may read none at all. */
export async function visibleTables(scope: FindScope): Promise<Dataset[]> {
  const { services, caller, focus } = scope
  const members =
    focus.kind === 'database'
      ? await selectMembers(services.metadata.db, caller.sandbox.id, {
          database: focus.database,
          ...(focus.schema === undefined ? {} : { schema: focus.schema }),
        })
      : undefined
  const inDatabase = members && new Set(members.map(({ datasetId }) => datasetId))
  if (!(await readsAny(scope))) return []
  const all = await services.datasets.tables(caller)
  const visible: Dataset[] = []
  for (const dataset of all) {
    if (!isInFocus(scope, dataset) || focus.kind === 'view') continue
    if (dataset.tags[temporaryTag] || isBeingFilled(dataset)) continue
    if (inDatabase && !inDatabase.has(dataset.id)) continue
    const decision = await services.access.decide({
      principal: caller.principal,
      permission: 'view-datasets',
      sandboxId: caller.sandbox.id,
      datasetId: dataset.id,
    })
    if (decision.isAllowed) visible.push(dataset)
  }
  return visible
}

async function orHidden(
  scope: FindScope,
  parts: readonly string[],
  find: () => Promise<Dataset | undefined>,
): Promise<Dataset | undefined> {
  try {
    return await find()
  } catch (error) {
    if (error instanceof AppError && error.code === 'dataset.unknown') return undefined
    if (!(error instanceof AppError) || error.code !== 'access.denied') throw error
    // Denied for this one: it does not exist for the caller. Denied for all: he should know.
    if (await readsAny(scope)) return undefined
    throw new AppError('access.denied', `permission denied for table ${parts.at(-1)}`, {
      hint: 'It takes the permission view-datasets.',
    })
  }
}

async function readsAny({ services, caller: { principal, sandbox } }: FindScope): Promise<boolean> {
  const general = { principal, permission: 'view-datasets', sandboxId: sandbox.id } as const
  return (await services.access.decide(general)).isAllowed
}

function isBeingFilled({ tags }: Dataset): boolean {
  return tags[fillerTag] !== undefined
}

function isInFocus({ focus }: FindScope, dataset: Dataset): boolean {
  return focus.kind !== 'table' || dataset.id === focus.datasetId
}

/** For suggestions, which come from so many tables at most. */
export async function visibleNames(scope: FindScope): Promise<string[]> {
  return (await visibleTables(scope)).slice(0, suggestionsMax).map(({ tableName }) => tableName)
}
