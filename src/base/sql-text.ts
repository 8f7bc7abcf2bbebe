import { AppError } from './errors.ts'

/**
 * `"name"`, safe for DuckDB and PostgreSQL.
 * @throws AppError 'query.unsupported' for a name that neither can have
 */
export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\0')) {
    throw new AppError('query.unsupported', 'A name is not empty and does not hold the character U+0000.')
  }
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * `'text'`, safe for DuckDB and, with standard_conforming_strings, PostgreSQL.
 * @throws AppError 'query.unsupported' for a text that neither can read between quotes
 */
export function quoteLiteral(text: string): string {
  if (text.includes('\0')) {
    throw new AppError('query.unsupported', 'A text that is used here does not hold the character U+0000.')
  }
  return `'${text.replaceAll("'", "''")}'`
}

/** `['text', …]`, a list of DuckDB. @throws as `quoteLiteral` */
export function quoteList(texts: readonly string[]): string {
  return `[${texts.map(quoteLiteral).join(', ')}]`
}
