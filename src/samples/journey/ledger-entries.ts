import { dayOf } from '../calendar.ts'
import { createTally } from '../tally.ts'
import type { Step } from './facts.ts'
import { answer, type Book } from './book.ts'
import { welcome, winback } from './world.ts'

/** Ways through journeys: Q13 to Q15, Q20, Q22 to Q24. */
export function createEntryLedger(): Book {
  const actions = createTally()
  const nodes = createTally()
  const entering = createTally()
  const entrants = createTally()
  const active = createTally()
  const exits = createTally()
  const waiting = createTally()
  const elapsed = { count: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: 0 }
  let greeted: Step | undefined

  function takeElapsed(step: Step): void {
    if (step.node === welcome.nodes.mail) greeted = step
    if (step.node !== welcome.nodes.loyalty || greeted?.instanceId !== step.instanceId) return
    const seconds = Math.floor((step.at - greeted.at) / 1_000)
    elapsed.count += 1
    elapsed.sum += seconds
    elapsed.min = Math.min(elapsed.min, seconds)
    elapsed.max = Math.max(elapsed.max, seconds)
  }

  return {
    take(fact) {
      if (fact.kind !== 'step') return
      const { journey, node, person, at } = fact
      takeElapsed(fact)
      if (node.action && !fact.problem) actions.add([node.action.name])
      if (!fact.isEntrance && journey === welcome) nodes.add([node.name])
      if (node.type === 'start') entering.once([journey.name], person.index)
      if (fact.isEntrance) entrants.add([dayOf(at)])
      active.once([dayOf(at), journey.versionId], -2)
      if (fact.hasEnded) exits.add([journey.name, node.name, fact.status])
      // Whoever comes to wait has not left; whoever comes to the next node has.
      if (node === winback.nodes.wait) waiting.add([], 1)
      if (node === winback.nodes.end) waiting.add([], -1)
    },
    answers() {
      const activeByDay = createTally()
      for (const [day = null] of active.rows()) activeByDay.add([day])
      const { count, sum, min, max } = elapsed
      return {
        ajo_q13_actions_that_worked: answer(actions.rows()),
        ajo_q14_entries_by_node: answer(nodes.rows()),
        ajo_q15_profiles_that_entered: answer(entering.rows()),
        ajo_q20_time_between_nodes: answer([[min, sum / count, max]]),
        ajo_q22a_entrants_by_day: answer(entrants.rows()),
        ajo_q22b_active_journeys_by_day: answer(activeByDay.rows()),
        ajo_q23_exits_by_node: answer(exits.rows()),
        ajo_q24_entries_that_wait: answer([[waiting.of()]]),
      }
    },
  }
}
