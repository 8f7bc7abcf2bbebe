import type { Token } from './token.ts'

/** Whether a BEGIN with this behind it, or with nothing, begins a transaction; with any other it begins a block. */
export function isOfTransaction(next: Token): boolean {
  if (next.kind === 'word') return ['WORK', 'TRANSACTION', 'ISOLATION', 'READ'].includes(next.upper)
  return next.kind === 'end' || (next.kind === 'symbol' && next.text === ';')
}
