import type { Field } from '#types/data-type.ts'
import type { TokenReader } from './token-reader.ts'
import { parseType } from './type.ts'
import { tokenValue } from './words.ts'

/** `name type`. */
export function parseColumn(reader: TokenReader): Field {
  const { name } = reader.identifier('the name of a column')
  return { name, type: parseType(reader) }
}

/** `(name = value, …)`; names in lower case, the last of several same ones counts. */
export function parseOptions(reader: TokenReader): Record<string, string> {
  const options: Record<string, string> = {}
  reader.inParentheses(() =>
    reader.list(() => {
      const { name } = reader.fieldName()
      reader.expectSymbol('=')
      options[name.toLowerCase()] = tokenValue(reader)
    }),
  )
  return options
}
