/** `"name"`, safe for DuckDB and PostgreSQL. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** `'text'`, safe for DuckDB and, with standard_conforming_strings, PostgreSQL. */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
