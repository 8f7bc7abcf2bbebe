import { dayOf, hourMs, literalOf, secondOf } from '../calendar.ts'
import { createSmallest } from '../smallest.ts'
import { createTally } from '../tally.ts'
import type { Course } from './course.ts'
import type { Delivery, Feedback } from './facts.ts'
import { answer, type Book } from './book.ts'
import { allMessages, messages, newsletter, outageDomain } from './world.ts'

const listedMax = 100
const failureHours = 24 * 14

/** How messages fared: Q3 to Q5, Q7 to Q11, Q30 to Q32. */
export function createFeedbackLedger({ span, outage }: Course): Book {
  const ofNewsletter = createTally()
  const ofJourney = createTally()
  const byDomain = createTally()
  const sentByDay = createTally()
  const full = createSmallest(listedMax)
  const mail = createTally()
  const hardByReason = createTally()
  const outageByHour = createTally()
  const notAllowed = createTally()
  const copies = createTally()
  const uncopied = createSmallest(listedMax)
  const sentByAction = createTally()
  const stepsByAction = createTally()

  function takeFeedback({ message, person }: Delivery, { status, at, failure, exclusion }: Feedback): void {
    const isMail = message.channel === 'email'
    if (message === messages.newsletterMail) {
      ofNewsletter.add([status])
      if (failure?.reason === 'MailboxFull' && status === 'bounce' && at >= span.to - failureHours * hourMs)
        full.add(person.address)
      if (exclusion?.reason === 'EmailNotAllowed') {
        notAllowed.add(['messages'])
        notAllowed.once(['people'], person.index)
      }
    }
    if (message.journeyAction?.journey === newsletter) ofJourney.add([message.messageId, status])
    if (status === 'sent') {
      sentByDay.add([dayOf(at)])
      if (message.journeyAction) sentByAction.add([message.journeyAction.id])
    }
    if (!isMail) return
    if (status === 'sent' || status === 'bounce') {
      byDomain.add([person.domain, status])
      mail.add([status])
    }
    if (status !== 'bounce') return
    if (failure?.type === 'Hard') {
      mail.add(['hard'])
      hardByReason.add([failure.reason])
    }
    if (person.domain === outageDomain && at >= outage.from && at < outage.to) {
      outageByHour.add([`${secondOf(at).slice(0, 13)}:00:00`])
    }
  }

  return {
    take(fact) {
      if (fact.kind === 'step' && fact.node.action) stepsByAction.add([fact.node.action.id])
      if (fact.kind !== 'delivery') return
      for (const feedback of fact.feedback) takeFeedback(fact, feedback)
      if (fact.copyAt !== undefined && fact.message === messages.promoPlain) {
        copies.add([])
        if (!fact.feedback.some(({ status }) => status === 'sent')) uncopied.add(fact.person.address)
      }
    },
    answers() {
      const now = literalOf(span.to)
      const domains = [...new Set(byDomain.rows().map(([domain = null]) => domain))]
      const withSent = allMessages.flatMap(({ channel, title, journeyAction }) => {
        const sent = journeyAction ? sentByAction.of(journeyAction.id) : 0
        const subject = channel === 'email' ? title : null
        return journeyAction && sent > 0 ? [{ ...journeyAction, subject, sent }] : []
      })
      const byName = withSent.toSorted((one, other) => (one.name < other.name ? -1 : 1))
      return {
        ajo_q03a_feedback_of_execution: answer(ofNewsletter.rows()),
        ajo_q03b_feedback_of_journey: answer(ofJourney.rows()),
        ajo_q04_feedback_by_domain: answer(
          domains.map((domain) => [domain, byDomain.of(domain, 'sent'), byDomain.of(domain, 'bounce')]),
        ),
        ajo_q05_sends_by_day: answer(sentByDay.rows()),
        ajo_q07_addresses_of_a_failure: answer(
          full.list().map((address) => [address]),
          { now, hours: String(failureHours) },
        ),
        ajo_q08_hard_bounce_rate: answer([
          [mail.of('sent'), mail.of('hard'), mail.of('hard') / mail.of('sent')],
        ]),
        ajo_q09_hard_bounces_by_reason: answer(hardByReason.rows()),
        ajo_q10_bounces_of_a_domain: answer(outageByHour.rows(), {
          domain: outageDomain,
          from: literalOf(outage.from),
          to: literalOf(outage.to),
        }),
        ajo_q11_excluded_by_allow_list: answer([[notAllowed.of('messages'), notAllowed.of('people')]]),
        ajo_q30a_copies_of_a_message: answer([[copies.of()]]),
        ajo_q30b_copies_without_a_send: answer(uncopied.list().map((address) => [address])),
        ajo_q31a_sends_by_journey_action: answer(
          byName.map(({ name, subject, sent }) => [name, subject, sent]),
        ),
        ajo_q31b_sends_and_steps_by_journey_action: answer(
          byName.map(({ id, name, subject, sent }) => [name, subject, sent, stepsByAction.of(id)]),
        ),
        ajo_q32_template_of_a_campaign: answer(
          [messages.promoPlain, messages.promoPrice].map(({ messageId, template }) => [messageId, template]),
        ),
      }
    },
  }
}
