import { literalOf, secondOf } from '../calendar.ts'
import { createTally } from '../tally.ts'
import type { Course } from './course.ts'
import { answer, type Book } from './book.ts'

/** Decisions on offers: Q29. */
export function createDecisionLedger({ span }: Course): Book {
  const byHour = createTally()
  const proposed = createTally()
  return {
    take(fact) {
      if (fact.kind !== 'decision') return
      byHour.add([`${secondOf(fact.at).slice(0, 13)}:00:00`])
      for (const { name, priority } of fact.offers) proposed.add([name, priority])
    },
    answers: () => ({
      ajo_q29a_decisions_by_hour: answer(byHour.rows()),
      ajo_q29b_proposed_offers: answer(proposed.rows(), { now: literalOf(span.to) }),
    }),
  }
}
