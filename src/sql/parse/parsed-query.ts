import type { ParsedQuery } from '../compile.ts'
import { findMentions } from './mentions.ts'
import type { Query } from './syntax.ts'

/** A query as others keep it: the tree and what it names. */
export function toParsedQuery(tree: Query): ParsedQuery {
  return { tree, ...findMentions(tree), position: tree.at }
}
