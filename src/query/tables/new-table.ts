import { AppError } from '#base/errors.ts'
import type { Dataset } from '#datasets/datasets.ts'
import { selectMembers } from '#metadata/databases.ts'
import { selectDatasets } from '#metadata/datasets.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { TableName } from '#sql/compile.ts'
import { structType, type Field } from '#types/data-type.ts'
import { findAnyTable, findView } from '../names/find-table.ts'
import { labelsTag } from '../names/keys.ts'
import { addMember } from '../names/memberships.ts'
import { type Target, targetOf } from '../names/names.ts'
import { datasetsCalled } from './output-text.ts'
import type { StatementOf } from '../query.ts'
import type { Scope } from '../scope.ts'
import type { TableOptions } from './table-options.ts'
import { fillerTag, ownerTag, temporaryTag } from '../names/temporary-tables.ts'

export type Creation = StatementOf<'createTable'> | StatementOf<'createTableAs'>

export interface ExistingTable {
  readonly dataset: Dataset
  /** An earlier attempt of this run made it. */
  readonly isOurs: boolean
}

/** The table of that name. @throws AppError 'dataset.exists' unless IF NOT EXISTS was said or it is ours */
export async function existingTable(scope: Scope, statement: Creation): Promise<ExistingTable | undefined> {
  const { isTemporary, ifNotExists } = statement
  const name = nameOf(statement)
  const found = isTemporary
    ? { dataset: await temporaryTable(scope, name) }
    : await findInTarget(scope, statement)
  const { dataset } = found
  if (dataset && isMarked(scope, dataset)) {
    if (!isTemporary) scope.onMade?.(dataset.id)
    return { dataset, isOurs: true }
  }
  if (!dataset && !('isTaken' in found && found.isTaken)) return undefined
  if (!ifNotExists || !dataset) throw tableExists(statement.table)
  tellExists(scope, name)
  return { dataset, isOurs: false }
}

/** What has the name where the statement would make its table. */
async function findInTarget(
  scope: Scope,
  { table }: Creation,
): Promise<{ readonly dataset: Dataset | undefined; readonly isTaken: boolean }> {
  const { name, schema } = await targetOf(scope, table)
  if (!schema && scope.making) {
    const called = await datasetsCalled(scope, scope.making.datasetName)
    return { dataset: called.find((dataset) => isMarked(scope, dataset)) ?? called[0], isTaken: false }
  }
  if (!schema) {
    const dataset = await findAnyTable(scope, table.parts)
    return { dataset, isTaken: !dataset && (await findView(scope, table.parts)) !== undefined }
  }
  const { services, caller } = scope
  const [member] = await selectMembers(services.metadata.db, caller.sandbox.id, {
    database: schema.database,
    schema: schema.name,
    name,
  })
  if (!member) return { dataset: undefined, isTaken: false }
  return { dataset: await findAnyTable(scope, [schema.database, schema.name, name]), isTaken: true }
}

async function temporaryTable(scope: Scope, name: string): Promise<Dataset | undefined> {
  const known = scope.temporaries.get([name])
  if (known || !scope.journal.mark) return known
  const left = await scope.services.datasets.find(scope.caller, temporaryName(scope, name))
  if (left) scope.temporaries.set(name, left)
  return left
}

/** Nobody else has it: a run names the tables of its steps the same in every attempt. */
function temporaryName({ journal, step }: Scope, name: string): string {
  return `temp_${journal.batchId(step)}_${name}`.toLowerCase()
}

/** Undefined: somebody else made it meanwhile, and IF NOT EXISTS was said. @throws AppError 'dataset.made_meanwhile' */
export async function createDataset(
  scope: Scope,
  statement: Creation,
  {
    columns,
    options,
    tags = {},
  }: {
    readonly columns: readonly Field[]
    readonly options: TableOptions
    readonly tags?: Dataset['tags']
  },
): Promise<Dataset | undefined> {
  const { journal, step, services, caller, temporaries, making } = scope
  const { isTemporary } = statement
  const target: Target = isTemporary
    ? { name: nameOf(statement), schema: undefined }
    : await targetOf(scope, statement.table)
  const { name, schema } = target
  const mark = journal.mark?.(step)
  const storedName = isTemporary ? temporaryName(scope, name) : name
  const { schemaTitle, labels } = options
  try {
    const dataset = await services.metadata.transaction(async (tx) => {
      await journal.assertHeld(tx)
      const made = await services.datasets.createIn(tx, caller, {
        name: making?.datasetName ?? storedName,
        description: making?.description ?? '',
        // In a schema the name is the schema's own, and the sandbox may have the same one.
        ...(schema || making ? {} : { tableName: storedName.toLowerCase() }),
        schema:
          schemaTitle === undefined
            ? { kind: 'columns', columns: structType(columns) }
            : { kind: 'titled', title: schemaTitle },
        tags: {
          ...tags,
          [madeTag]: ['sql'],
          ...(mark === undefined ? {} : { [markTag]: [mark] }),
          ...(isTemporary ? { [temporaryTag]: [name], [ownerTag]: journal.owner } : {}),
          ...(statement.kind === 'createTableAs' && !isTemporary ? { [fillerTag]: journal.owner } : {}),
          ...(labels.length === 0 ? {} : { [labelsTag]: labels }),
        },
      })
      if (making) await requireOnlyOne(scope, tx, made)
      if (schema) await addMember(scope, tx, { schema, name, asset: { datasetId: made.id }, isHome: true })
      return made
    })
    if (isTemporary) temporaries.set(name, dataset)
    else scope.onMade?.(dataset.id)
    return dataset
  } catch (error) {
    const exists = error instanceof AppError && error.code === 'dataset.exists'
    if (!exists || !statement.ifNotExists)
      throw error instanceof AppError ? error.at(statement.table.position) : error
    tellExists(scope, name)
    return undefined
  }
}

/**
 * Runs that begin at one moment find no dataset of the name all of them want; whoever makes it first keeps them from making
 * more: no run would know by the name which one is meant.
 * @throws AppError 'dataset.made_meanwhile'
 */
async function requireOnlyOne({ services, caller }: Scope, tx: Transaction, made: Dataset): Promise<void> {
  const { principal, sandbox } = caller
  const page = { name: made.name, limit: 2, start: 0 }
  const others = (await selectDatasets(tx, sandbox.id, page))
    .map(({ id }) => id)
    .filter((id) => id !== made.id)
  const question = { principal, permission: 'view-datasets', sandboxId: sandbox.id } as const
  if ((await services.access.decideDatasets(question, others)).size === 0) return
  throw new AppError('dataset.made_meanwhile', `A dataset ${JSON.stringify(made.name)} was made meanwhile.`, {
    hint: 'Try again.',
  })
}

/** A statement that fails leaves no table. One that will be tried again finds its table by the mark. */
export async function removeUnfilled(scope: Scope, dataset: Dataset, error: unknown): Promise<void> {
  const { journal, services, caller, signal } = scope
  if (journal.mark !== undefined && (signal.aborted || !(error instanceof AppError) || error.meaning.retry))
    return
  try {
    await services.metadata.transaction((tx) => journal.assertHeld(tx))
    await services.datasets.delete(caller, dataset.id)
    scope.temporaries.remove(dataset)
  } catch (deleteError) {
    // The statement's own failure is what the caller must hear; an empty table is left, which DROP TABLE removes.
    services.logger.log('warn', 'query.table_left', { datasetId: dataset.id, error: deleteError })
  }
}

/** On datasets that statements made. */
export const madeTag = 'sluice/made-by'

/** Dataset and rows appear in two commits; a run finds by this tag a table it made and did not fill. */
const markTag = 'sluice/query-step'

function isMarked({ journal, step }: Scope, dataset: Dataset): boolean {
  return journal.mark !== undefined && (dataset.tags[markTag]?.includes(journal.mark(step)) ?? false)
}

/** Whether a step of this run made it that comes before the one under way. */
export function isMadeBefore({ journal, step }: Scope, dataset: Dataset): boolean {
  const own = journal.mark?.('')
  const maker = own && dataset.tags[markTag]?.find((mark) => mark.startsWith(own))?.slice(own.length)
  return maker !== undefined && comesBefore(maker.split('.'), step.split('.'))
}

/** A block's handler, `h`, comes after the statements of its body, which have numbers. */
function comesBefore([one, ...more]: readonly string[], [other, ...others]: readonly string[]): boolean {
  if (one === undefined || other === undefined) return false
  if (one === other) return comesBefore(more, others)
  return other === 'h' || (one !== 'h' && Number(one) < Number(other))
}

function nameOf({ table }: Creation): string {
  return table.parts.at(-1) ?? ''
}

function tellExists(scope: Scope, name: string): void {
  scope.notice(`There is a table ${JSON.stringify(name)} already; nothing was done.`)
}

function tableExists({ parts, position }: TableName): AppError {
  return new AppError('dataset.exists', `There is a table ${JSON.stringify(parts.at(-1))} already.`, {
    position,
    hint: 'Choose another name, or say CREATE TABLE IF NOT EXISTS.',
  })
}
