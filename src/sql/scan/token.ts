import type { TextPosition } from '#base/errors.ts'

/** The smallest parts of SQL text. White space and comments are gone; positions are the request's. */
export type Token =
  | { readonly kind: 'word'; readonly text: string; readonly upper: string; readonly at: TextPosition }
  /** `` `name` `` or `"name"`; a double-quoted one may turn out to be a string. */
  | { readonly kind: 'quoted'; readonly quote: '`' | '"'; readonly text: string; readonly at: TextPosition }
  | { readonly kind: 'string'; readonly text: string; readonly at: TextPosition }
  /** As written, with its suffix: `1`, `1.5`, `1e3`, `2L`, `1.0D`, `3BD`. */
  | { readonly kind: 'number'; readonly text: string; readonly at: TextPosition }
  | { readonly kind: 'variable'; readonly text: string; readonly at: TextPosition }
  | { readonly kind: 'parameter'; readonly index: number; readonly at: TextPosition }
  /** `$$`. */
  | { readonly kind: 'dollars'; readonly at: TextPosition }
  | { readonly kind: 'symbol'; readonly text: string; readonly at: TextPosition }
  /** After the last one; `at` is the end of the text. */
  | { readonly kind: 'end'; readonly at: TextPosition }

/** How a token is named in a message. */
export function tokenText(token: Token): string {
  switch (token.kind) {
    case 'word':
    case 'number':
    case 'symbol':
      return token.text
    case 'quoted':
      return token.quote + token.text + token.quote
    case 'string':
      return `'${token.text}'`
    case 'variable':
      return `@${token.text}`
    case 'parameter':
      return `$${token.index}`
    case 'dollars':
      return '$$'
    case 'end':
      return 'the end of the statement'
  }
}
