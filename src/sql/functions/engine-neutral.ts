import type { FunctionEntry } from './entry.ts'

/**
 * Functions whose rewrite is what they mean in every engine: constants of the statement, what only this server knows,
 * conversions and structs that the binder builds itself. Other rewrites say in DuckDB's terms what Spark has a function
 * for: bound for Spark, those calls stay as they are.
 */
const alwaysRewritten: ReadonlySet<string> = new Set([
  'current_date',
  'current_timestamp',
  'localtimestamp',
  'current_timezone',
  'current_database',
  'current_user',
  'quote_literal',
  // PostgreSQL's, which neither engine has.
  'array_cat',
  'array_length',
  'array_to_string',
  'clock_timestamp',
  'strpos',
  'table_exists',
  'typeof',
  'schema_of_json',
  'date_part',
  'date_trunc',
  'timezone',
  'named_struct',
  'if',
  'nvl2',
  'string',
  'boolean',
  'tinyint',
  'smallint',
  'int',
  'bigint',
  'float',
  'double',
  'decimal',
  'date',
  'timestamp',
  'binary',
])

/** Whether Spark is given the call itself instead of what it is rewritten as. */
export function staysForSpark({ names: [name = ''] }: FunctionEntry, argumentCount: number): boolean {
  // Without an argument it is the time of the statement.
  return !alwaysRewritten.has(name) && !(name === 'unix_timestamp' && argumentCount === 0)
}
