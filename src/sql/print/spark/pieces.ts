type Piece = (values: readonly string[], over: string) => string

/** The pieces of Adobe-defined functions that Spark writes in another way than DuckDB. */
const own: Readonly<Record<string, Piece>> = {
  '#micros': ([time = '']) => `unix_micros(${time})`,
  '#row_number': (_values, over) => `CAST(row_number()${over} AS BIGINT)`,
  '#first_known': ([value = ''], over) => `first_value(${value}) IGNORE NULLS${over}`,
  '#last_known': ([value = ''], over) => `last_value(${value}) IGNORE NULLS${over}`,
  '#first_by_place': ([value = '', place = ''], over) => `min_by(${value}, ${place})${over}`,
  '#last_by_place': ([value = '', place = ''], over) => `max_by(${value}, ${place})${over}`,
  '#lag': ([value = '', steps = ''], over) => `lag(${value}, ${steps})${over}`,
  '#lead': ([value = '', steps = ''], over) => `lead(${value}, ${steps})${over}`,
  '#lag IGNORE NULLS': ([value = '', steps = ''], over) => `lag(${value}, ${steps}) IGNORE NULLS${over}`,
  '#lead IGNORE NULLS': ([value = '', steps = ''], over) => `lead(${value}, ${steps}) IGNORE NULLS${over}`,
}

export function pieces(name: string): Piece | undefined {
  const [, unit] = /^#units_of_(\d+)$/.exec(name) ?? []
  if (unit !== undefined) return ([at = '', other = '']) => `((${at} - ${other}) div ${unit}L)`
  return own[name]
}
