import type { Answer } from '../sample.ts'
import { createTally } from '../tally.ts'
import type { Fact, Visit } from './facts.ts'
import { localTimeOf } from './rows.ts'

/** The truth about the shop, reckoned from what happens and not from rows. */
export interface RetailLedger {
  take(this: void, fact: Fact): void
  answers(this: void): Readonly<Record<string, Answer>>
}

export function createLedger(): RetailLedger {
  const channels = createTally()
  const cents = createTally()
  const quality = createTally()
  const pages = createTally()
  const known = createTally()
  const merged = createTally()
  const byDay = createTally()
  const categories = createTally()
  const industries = createTally()
  const calls = createTally()
  const seen = { digital: -1, store: -1 }

  function takeVisit(visit: Visit): void {
    const { surface, order, device } = visit
    channels.add([surface])
    if (visit.isDoubled) quality.add([surface, 'doubled'])
    if (visit.receivedAt - visit.at > 86_400_000) quality.add([surface, 'late'])
    if (visit.isBot) return
    if (visit.type === 'page' && surface === 'web') pages.add([])
    if (order) {
      cents.add([surface], order.product.price * order.quantity)
      categories.add([order.product.category], order.product.price * order.quantity)
    }
    if (visit.signedIn === undefined || !device.owner) return
    known.once([], device.owner.index)
    if (visit.signedIn === device.owner.earlierNumber) merged.once([], device.owner.index)
    seen.digital = device.owner.index
  }

  const both = createTally()
  return {
    take(fact) {
      if (fact.kind === 'visit') takeVisit(fact)
      else if (fact.kind === 'call') {
        channels.add(['calls'])
        calls.add([fact.reason])
      } else {
        const { customer, order } = fact
        const value = order.product.price * order.quantity
        channels.add(['store'])
        cents.add(['store'], value)
        categories.add([order.product.category], value)
        byDay.add([localTimeOf(fact.at).slice(0, 10)])
        if (customer.account) industries.add([customer.account.industry], value)
        if (seen.digital === customer.index) both.once([], customer.index)
      }
    },
    answers: () => ({
      retail_events_by_channel: answer(channels.rows()),
      retail_event_quality: answer(
        ['app', 'web'].map((surface) => [
          surface,
          quality.of(surface, 'doubled'),
          quality.of(surface, 'late'),
        ]),
      ),
      retail_page_views_of_people: answer([[pages.of()]]),
      retail_revenue_by_channel: answer(euros(cents.rows())),
      retail_people_across_identities: answer([[known.of(), merged.of(), both.of()]]),
      retail_store_purchases_by_local_day: answer(byDay.rows()),
      retail_revenue_by_category: answer(euros(categories.rows())),
      retail_revenue_by_industry: answer(euros(industries.rows())),
      retail_calls_by_reason: answer(calls.rows()),
    }),
  }
}

function euros(rows: readonly (readonly unknown[])[]): unknown[][] {
  return rows.map(([key, cents]) => [key, Number(cents) / 100])
}

function answer(rows: Answer['rows']): Answer {
  return { parameters: {}, rows }
}
