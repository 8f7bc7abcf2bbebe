import { dayOf, literalOf } from '../calendar.ts'
import { createTally } from '../tally.ts'
import type { Course } from './course.ts'
import { answer, type Book } from './book.ts'
import { messages, newsletter } from './world.ts'

/** What recipients did: Q1, Q2, Q12, Q27. */
export function createTrackingLedger({ span }: Course): Book {
  const ofNewsletter = createTally()
  const ofJourney = createTally()
  const buttons = createTally()
  const engaged = createTally()
  const engagedByJourney = createTally()
  const engagedByDay = createTally()
  return {
    take(fact) {
      if (fact.kind !== 'delivery') return
      const { message, person } = fact
      const journey = message.journeyAction?.journey
      for (const { type, at, button } of fact.interactions) {
        if (button !== undefined) {
          buttons.add([person.platform, button])
          continue
        }
        if (message === messages.newsletterMail) ofNewsletter.add([type])
        if (journey === newsletter) ofJourney.add([message.messageId, type])
        if (type !== 'open' && type !== 'click') continue
        engaged.once([], person.index)
        if (journey) engagedByJourney.once([journey.versionId], person.index)
        engagedByDay.once([dayOf(at)], person.index)
      }
    },
    answers() {
      const now = literalOf(span.to)
      const days = engagedByDay.rows()
      // Half of the busiest day: some days lie above, some below.
      const threshold = Math.floor(Math.max(0, ...days.map(([, count]) => Number(count))) / 2)
      return {
        ajo_q01_interactions_of_execution: answer(ofNewsletter.rows()),
        ajo_q02_interactions_of_journey: answer(ofJourney.rows()),
        ajo_q12_push_buttons: answer(buttons.rows()),
        ajo_q27a_engaged_profiles: answer([[engaged.of()]], { now }),
        ajo_q27b_engaged_profiles_by_journey: answer(engagedByJourney.rows(), { now }),
        ajo_q27c_engaged_profiles_by_day: answer(days, { now }),
        ajo_q27d_engagement_spikes: answer(
          days.filter(([, count]) => Number(count) > threshold),
          { now, threshold: String(threshold) },
        ),
      }
    },
  }
}
