export interface TypedColumn {
  readonly name: string
  /** As SQL writes it: `struct<a:int,b:array<string>>`. */
  readonly type: string
}

/** One row a field, those inside a struct indented below it; a list of structs is shown as `array<struct>`. */
export function columnRows(columns: readonly TypedColumn[], indent = ''): string[][] {
  return columns.flatMap(({ name, type }) => {
    const start = type.indexOf('struct<')
    const isPlain = start < 0 || !/^(?:array<)*$/.test(type.slice(0, start))
    if (isPlain) return [[`${indent}${name}`, type]]
    const lists = start / 'array<'.length
    const inner = type.slice(start + 'struct<'.length, type.length - 1 - lists)
    return [
      [`${indent}${name}`, `${'array<'.repeat(lists)}struct${'>'.repeat(lists)}`],
      ...columnRows(fieldsIn(inner), `${indent}  `),
    ]
  })
}

/** The fields of `a:int,b:map<string,int>`. */
export function fieldsIn(text: string): TypedColumn[] {
  return piecesIn(text).map((field) => {
    const colon = field.indexOf(':')
    return { name: field.slice(0, colon).trim(), type: field.slice(colon + 1).trim() }
  })
}

/** Cut at the commas that are not inside brackets. */
export function piecesIn(text: string): string[] {
  const pieces: string[] = []
  let depth = 0
  let start = 0
  for (let at = 0; at <= text.length; at += 1) {
    const character = text[at]
    if (character === '<' || character === '(') depth += 1
    else if (character === '>' || character === ')') depth -= 1
    else if ((character === ',' || character === undefined) && depth === 0) {
      pieces.push(text.slice(start, at))
      start = at + 1
    }
  }
  return pieces
}
