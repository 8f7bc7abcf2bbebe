import type { Answer } from '../sample.ts'
import type { Course } from './course.ts'
import type { Book } from './book.ts'
import { createDecisionLedger } from './ledger-decisions.ts'
import { createEntryLedger } from './ledger-entries.ts'
import { createErrorLedger } from './ledger-errors.ts'
import { createExportLedger } from './ledger-exports.ts'
import { createFeedbackLedger } from './ledger-feedback.ts'
import { createFocusLedger } from './ledger-focus.ts'
import { createTrackingLedger } from './ledger-tracking.ts'

/**
 * The truth about a course, reckoned from what happens and not from rows. All facts of one person come one after the
 * other.
 */
export function createLedger(course: Course): Book {
  const books = [
    createTrackingLedger(course),
    createFeedbackLedger(course),
    createFocusLedger(course),
    createEntryLedger(),
    createErrorLedger(course),
    createExportLedger(),
    createDecisionLedger(course),
  ]
  return {
    take: (fact) => {
      for (const book of books) book.take(fact)
    },
    answers: () => Object.assign({}, ...books.map((book) => book.answers())) as Record<string, Answer>,
  }
}
