/**
 * How an engine child turns rows into bytes. Whole rows only; the server forwards what it gets.
 *
 * - `postgres`: DataRow messages of the PostgreSQL protocol (`'D'`, length, columns); `formats[c]` is 0 text, 1 binary,
 *   one entry a column. Complex types are always text, rendered as the dialect prints them.
 * - `jsonLines`: one object a line, keys in column order and each once (`a`, `a_2`), NULL fields left out unless
 *   `keepsNulls` (those of structs always); long and decimal as JSON numbers, timestamps as ISO 8601 UTC.
 * - `jsonRows`: one JSON array a line, NULL as null; for callers that know the columns (the CLI's table).
 * - `csv`: RFC 4180, `\n` line ends, header by the first chunk when asked; complex values as JSON.
 * - `arrow`: an Arrow IPC stream; the first chunk carries the schema message, the last the end of stream.
 * - `copy`: CopyData messages of the PostgreSQL protocol, one a row, in one of COPY's forms.
 */
export type Encoding =
  | {
      readonly kind: 'postgres'
      readonly formats: readonly (0 | 1)[]
      /** Else as PostgreSQL prints them. */
      readonly intervals?: 'iso_8601'
    }
  | { readonly kind: 'jsonLines'; readonly keepsNulls?: boolean }
  | { readonly kind: 'jsonRows' }
  | { readonly kind: 'csv'; readonly header: boolean }
  | { readonly kind: 'arrow' }
  | { readonly kind: 'copy'; readonly form: CopyForm }

/** What `COPY … TO STDOUT` sends. */
export type CopyForm =
  | { readonly kind: 'text'; readonly delimiter: string; readonly null: string; readonly header: boolean }
  | {
      readonly kind: 'csv'
      readonly delimiter: string
      readonly null: string
      readonly header: boolean
      readonly quote: string
      readonly escape: string
      /** Names of columns whose values are quoted always. */
      readonly forceQuote: 'all' | readonly string[]
    }
  | { readonly kind: 'binary' }
