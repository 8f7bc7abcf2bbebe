import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import { type Dataset } from '#datasets/datasets.ts'
import { primaryIdentityOf } from '#datasets/primary-identity.ts'
import { constraintChecks, identityChecks, requiredCheck } from '#datasets/row-checks.ts'
import { selectDataset } from '#metadata/datasets.ts'
import type { Constraints } from '#types/constraints.ts'
import type { StructType } from '#types/data-type.ts'
import type { Scope } from '../scope.ts'

/** What a dataset's schema asks of rows beyond their types. */
export interface AskedOfRows {
  readonly columns: StructType
  readonly required: readonly (readonly string[])[]
  readonly constraints: readonly Constraints[]
  readonly identity: readonly string[] | undefined
}

/** As loads ask it, too. */
export async function askedOfRows({ services, caller }: Scope, dataset: Dataset): Promise<AskedOfRows> {
  const row = await selectDataset(services.metadata.db, caller.sandbox.id, dataset.id)
  return {
    columns: dataset.schema,
    required: (row?.required_fields ?? []) as AskedOfRows['required'],
    constraints: (row?.constraints ?? []) as AskedOfRows['constraints'],
    identity: await primaryIdentityOf(services.metadata.db, caller.sandbox.id, dataset.schemaId),
  }
}

/**
 * The engine's query whose first row that is not as the schema asks fails the statement, so that nothing is stored. The
 * engine does not move the condition below joins or other conditions, because its error is no value.
 */
export function checkedRows(sql: string, { columns, required, constraints, identity }: AskedOfRows): string {
  const columnSql = (name: string): string => `checked.${quoteIdentifier(name)}`
  const checks = [
    ...required.flatMap((path) => {
      const [name = ''] = path
      return columns.fields.some((field) => field.name === name) ? [requiredCheck(columnSql(name), path)] : []
    }),
    ...constraintChecks(constraints, columns, columnSql),
    ...identityChecks(identity, columns, columnSql),
  ]
  if (checks.length === 0) return sql
  const branches = checks.map(
    (check) =>
      `WHEN ${check.sql} THEN CAST(error(${quoteLiteral(`Error validating schema: ${check.reason}.`)}) AS BOOLEAN)`,
  )
  return `SELECT * FROM (${sql}) AS checked WHERE CASE ${branches.join(' ')} ELSE true END`
}
