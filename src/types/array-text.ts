/**
 * The elements of `{1,NULL,"a b"}`, as PostgreSQL writes an array of one dimension; undefined: it is none. Blanks around
 * elements do not count, a backslash takes away the next character's meaning.
 */
export function elementsOfArrayText(text: string): (string | null)[] | undefined {
  const element =
    /\s*(?:"((?:[^"\\]|\\[\s\S])*)"|((?:[^\s"\\{},]|\\[\s\S])+(?:\s+(?:[^\s"\\{},]|\\[\s\S])+)*))\s*([,}])/y
  const inner = /^\s*\{([\s\S]*)$/.exec(text)?.[1]
  if (inner === undefined) return undefined
  if (/^\s*\}\s*$/.test(inner)) return []
  const elements: (string | null)[] = []
  for (;;) {
    const [, quoted, plain = '', sign] = element.exec(inner) ?? []
    if (sign === undefined) return undefined
    const isNull = quoted === undefined && plain.toUpperCase() === 'NULL'
    elements.push(isNull ? null : (quoted ?? plain).replaceAll(/\\([\s\S])/g, '$1'))
    if (sign === '}') return inner.slice(element.lastIndex).trim() === '' ? elements : undefined
  }
}
