/**
 * Rows as one parameter for `json_to_recordset`: any number of them is the same statement. A half of a character, which no
 * text of PostgreSQL holds, becomes U+FFFD, as in other parameters.
 */
export function jsonRows(rows: readonly object[]): string {
  const text = JSON.stringify(rows)
  // How halves are escaped, and little else looks so.
  if (!text.includes('\\ud')) return text
  return JSON.stringify(rows, (_key, value: unknown) =>
    typeof value === 'string' ? value.toWellFormed() : value,
  )
}
