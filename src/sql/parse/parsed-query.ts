import type { ParsedQuery } from '../compile.ts'
import { findMentions } from './mentions.ts'
import { parseQuery } from './query.ts'
import type { Query } from './syntax.ts'
import type { TokenReader } from './token-reader.ts'

/** A statement's query, with the word behind it that asks for samples. */
export function parseWholeQuery(reader: TokenReader): ParsedQuery {
  const query = toParsedQuery(parseQuery(reader))
  return reader.takeWord('WITHAPPROXIMATE') ? { ...query, isApproximate: true } : query
}

/** A query as others keep it: the tree and what it names. */
export function toParsedQuery(tree: Query): ParsedQuery {
  return { tree, ...findMentions(tree), position: tree.at }
}
