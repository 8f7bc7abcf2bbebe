/**
 * Engine text that may mention each value any number of times: what is more than a name or a constant is computed once
 * and stands under a name. Values may hold subqueries, which the engine refuses inside a lambda. Members of a lambda's
 * parameter are read from it in parentheses, here and elsewhere: without them the engine looks for a column of that name first.
 */
export function onceEach(values: readonly string[], body: (...names: readonly string[]) => string): string {
  const members = values.flatMap((value, index) => (isPlain(value) ? [] : [`v${index} := ${value}`]))
  if (members.length === 0) return body(...values)
  const names = values.map((value, index) => (isPlain(value) ? value : `(given).v${index}`))
  return `list_transform([struct_pack(${members.join(', ')})], lambda given: ${body(...names)})[1]`
}

/** A name given here is none: inside another call it would mean something else. */
function isPlain(value: string): boolean {
  return value.length <= 100 && !/[([]/.test(value)
}
