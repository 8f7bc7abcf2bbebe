import { dayMs, literalOf, secondOf } from '../calendar.ts'
import type { Course } from './course.ts'
import type { Fact } from './facts.ts'
import { answer, type Book } from './book.ts'

const weekMs = 7 * dayMs
const monthMs = 30 * dayMs
type Line = readonly (string | null)[]

/** One person's mail, steps and messages: Q6, Q19, Q21. */
export function createFocusLedger({ span }: Course): Book {
  const mail: Line[] = []
  const steps: Line[] = []
  const messages = new Set<string>()
  const journeys = new Set<string>()
  const focus: (fact: Fact) => boolean = (fact) => 'person' in fact && fact.person?.index === 0
  return {
    take(fact) {
      if (!focus(fact)) return
      if (fact.kind === 'step') {
        steps.push([secondOf(fact.at), fact.journey.name, fact.node.name, fact.status])
        if (fact.at >= span.to - monthMs) journeys.add(fact.journey.versionId)
      }
      if (fact.kind !== 'delivery') return
      for (const { status, at, failure, exclusion } of fact.feedback) {
        if (status === 'sent' && at >= span.to - monthMs) messages.add(fact.id)
        if (fact.message.channel === 'email' && at >= span.to - weekMs) {
          const reason = exclusion?.reason ?? failure?.reason ?? null
          mail.push([secondOf(at), fact.message.executionId, status, reason, failure?.type ?? null])
        }
      }
    },
    answers() {
      const now = literalOf(span.to)
      return {
        ajo_q06_mail_of_an_address: answer(mail.toSorted(byParts), { now }),
        ajo_q19_timeline_of_a_profile: answer(steps.toSorted(byParts)),
        ajo_q21_messages_and_journeys_of_a_profile: answer([[messages.size, journeys.size]], { now }),
      }
    },
  }
}

function byParts(one: Line, other: Line): number {
  return JSON.stringify(one) < JSON.stringify(other) ? -1 : 1
}
