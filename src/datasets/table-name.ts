import { AppError } from '#base/errors.ts'

/** What PostgreSQL's catalogue can show without cutting. */
const tableNameLengthMax = 63
const suffixLengthMax = 6
/** Names that SQL already gives to schemas. */
const schemaNames: ReadonlySet<string> = new Set(['information_schema', 'public'])

/**
 * The SQL name made from a dataset's name: lower case, `_` for everything but letters and digits, never two in a row.
 * A name that begins with `pg_` or a digit, or is a schema's, is prefixed.
 */
export function tableNameOf(datasetName: string): string {
  const plain = datasetName
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/_+$/g, '')
  const needsPrefix = plain === '' || plain === '_' || /^(?:pg_|\d)/.test(plain) || schemaNames.has(plain)
  const name = needsPrefix ? `t_${plain.replace(/^_/, '')}` : plain
  return name.slice(0, tableNameLengthMax - suffixLengthMax).replaceAll(/_+$/g, '')
}

/** `name`, `name_2`, `name_3` … */
export function candidateNames(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => (index === 0 ? name : `${name}_${index + 1}`))
}

/** A name somebody chose for a table, as we keep it. @throws AppError 'request.invalid' */
export function chosenTableName(tableName: string): string {
  const name = tableName.toLowerCase()
  if (!/^[a-z_][a-z0-9_]*$/.test(name) || name.length > tableNameLengthMax) {
    throw new AppError(
      'request.invalid',
      `${JSON.stringify(tableName.slice(0, 80))} cannot be the name of a table: up to ${tableNameLengthMax} letters, digits and "_" were expected, not beginning with a digit.`,
      { hint: `Take ${JSON.stringify(tableNameOf(tableName))}.` },
    )
  }
  if (name.startsWith('pg_') || schemaNames.has(name)) {
    throw new AppError(
      'request.invalid',
      `The name ${JSON.stringify(name)} belongs to PostgreSQL's own catalogue.`,
      { hint: `Take ${JSON.stringify(tableNameOf(tableName))}.` },
    )
  }
  return name
}
