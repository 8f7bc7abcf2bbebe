import { AppError } from '#base/errors.ts'
import { structType, type Field } from '#types/data-type.ts'
import type { StatementOf } from '../query.ts'
import { requireGeneral } from '../names/rights.ts'
import type { Scope } from '../scope.ts'
import { type ShownRows, textColumns } from '../static-rows.ts'
import { labelsOf } from './table-options.ts'

export const createdFieldGroupColumns: readonly Field[] = textColumns('Created FieldGroup Id')

/** Makes a field group of the columns; its id. Undefined: it was there and IF NOT EXISTS was said. */
export async function createFieldGroup(
  scope: Scope,
  { name, columns, ifNotExists, options, position }: StatementOf<'createFieldGroup'>,
): Promise<string | undefined> {
  const { services, caller, journal, step } = scope
  const { label, ...others } = options
  const [other] = Object.keys(others)
  if (other !== undefined) {
    throw new AppError('query.unsupported', `CREATE FIELDGROUP has no option ${other}.`, {
      position,
      hint: 'There is LABEL.',
    })
  }
  const isForProfiles = labelsOf(label, position).includes('PROFILE')
  await requireGeneral(scope, ['manage-schemas'])
  const given = { name, columns: structType(columns), isForProfiles }
  try {
    return (await services.fieldGroups.create(caller, given)).id
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'schema.exists') throw error
    const there = await services.fieldGroups.find(caller, given)
    // An earlier attempt of this run made it.
    if (there?.isSame && journal.wasBegun(step)) return there.id
    if (!there || !ifNotExists) throw error
    scope.notice(`There is a field group ${JSON.stringify(name)} already; nothing was done.`)
    return undefined
  }
}

export async function dropFieldGroup(
  scope: Scope,
  { id, ifExists, position }: StatementOf<'dropFieldGroup'>,
): Promise<void> {
  const { services, caller, journal, step } = scope
  await requireGeneral(scope, ['manage-schemas'])
  try {
    await services.fieldGroups.remove(caller, id)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'schema.unknown') throw error
    if (journal.wasBegun(step)) return // An earlier attempt of this run did it.
    if (!ifExists) throw new AppError(error.code, error.message, { position, hint: error.hint })
    scope.notice(`There is no field group ${JSON.stringify(id)}; nothing was done.`)
  }
}

/** For SHOW FIELDGROUPS. */
export async function fieldGroupRows({ services, caller }: Scope): Promise<ShownRows['rows']> {
  return (await services.fieldGroups.list(caller)).map(({ name, id, createdBy }) => [
    name,
    id,
    createdBy === caller.principal.id ? caller.principal.name : (createdBy ?? null),
  ])
}
