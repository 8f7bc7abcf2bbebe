import type { Answer } from '../sample.ts'
import type { Fact } from './facts.ts'

/** Hears of everything that happens and keeps the answers to some of the questions. */
export interface Book {
  take(this: void, fact: Fact): void
  answers(this: void): Readonly<Record<string, Answer>>
}

/** The answer to a query as it is saved. */
export function answer(rows: Answer['rows'], parameters: Readonly<Record<string, string>> = {}): Answer {
  return { parameters, rows }
}
