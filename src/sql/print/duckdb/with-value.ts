/**
 * Engine text that mentions a value more than once and computes it once. Names and constants are repeated, the rest
 * goes through a lambda: its body must hold no subquery, which the engine refuses there; the value may.
 */
export function withValue(text: string, body: (value: string) => string): string {
  if (/^(?:\w+(?:\."(?:[^"]|"")+")?|'[^']*')$/.test(text)) return body(text)
  return `list_transform([${text}], lambda v: ${body('v')})[1]`
}
