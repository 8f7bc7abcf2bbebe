import { AppError, type TextPosition } from '#base/errors.ts'
import type { Question } from './shadow.ts'

/** Something of a question that is to be another thing in the shadow; `at` in UTF-8 bytes, as PostgreSQL counts. */
export type Splice =
  | { readonly at: number; readonly kind: 'relation' | 'function' | 'value'; readonly name: string }
  | { readonly at: number; readonly kind: 'pattern' }
  | { readonly at: number; readonly kind: 'catalog' }

/** Replaces each at its place, and drops what stands before `head` (UTF-16 units). */
export function spliced(
  text: string,
  splices: readonly Splice[],
  head: number,
): Pick<Question, 'sql' | 'shifts'> {
  const bytes = Buffer.from(text)
  const shifts: { from: number; by: number }[] = head === 0 ? [] : [{ from: 0, by: -head }]
  let sql = ''
  let done = head
  for (const splice of splices.toSorted((left, right) => left.at - right.at)) {
    const at = bytes.toString('utf8', 0, splice.at).length
    const rest = text.slice(at)
    const { length, replacement } = replacementFor(splice, rest)
    sql += text.slice(done, at) + replacement
    done = at + length
    shifts.push({ from: sql.length, by: sql.length - done })
  }
  return { sql: sql + text.slice(done), shifts }
}

function replacementFor(
  splice: Splice,
  rest: string,
): { readonly length: number; readonly replacement: string } {
  if (splice.kind === 'pattern') {
    const [literal] = /^e?'(?:[^'\\]|\\.)*'/i.exec(rest) ?? unusual('constant')
    return { length: literal.length, replacement: literal.replace(/\\*\[\\*\]/, '') }
  }
  if (splice.kind === 'catalog') {
    const [column] = /^(?:"?\w+"?\s*\.\s*)?"?table_catalog"?/i.exec(rest) ?? unusual('table_catalog')
    return { length: column.length, replacement: 'pg_catalog.current_database()' }
  }
  const { name, kind } = splice
  // `pg_catalog.name`, quoted or not, with blanks around the dot; comments in there are refused.
  const pattern = new RegExp(`^(?:"?pg_catalog"?\\s*\\.\\s*)?"?${name}"?`, 'i')
  const [written] = pattern.exec(rest) ?? unusual(name)
  const call = kind === 'value' ? '()' : ''
  return { length: written.length, replacement: `information_schema."${name}"${call}` }
}

function unusual(name: string): never {
  throw new AppError('query.unsupported', `A question to the catalogue writes ${name} in an unusual way.`, {
    hint: 'Write the name plainly, without comments or escapes in it.',
  })
}

/** Where in the question something stands of which the shadow said where it stands in its text; 1-based characters. */
export function positionIn({ text, sql, shifts }: Question, character: number): TextPosition {
  const inSql = Array.from(sql)
    .slice(0, character - 1)
    .join('').length
  const by = shifts.findLast(({ from }) => from <= inSql)?.by ?? 0
  const offset = Math.max(0, Math.min(text.length, inSql - by))
  const lines = text.slice(0, offset).split('\n')
  return { offset, line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 }
}
