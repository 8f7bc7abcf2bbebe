import { literalOf } from '../calendar.ts'
import { createTally } from '../tally.ts'
import type { Course } from './course.ts'
import type { Step } from './facts.ts'
import { answer, type Book } from './book.ts'
import { loyaltyEndpoint } from './world.ts'

/** What did not work or was refused: Q16 to Q18, Q26, Q28. */
export function createErrorLedger({ span }: Course): Book {
  const errors = createTally()
  const discards = createTally()
  const rules = createTally()
  const refusals = createTally()
  const refusedPeople = createTally()
  const again = createTally()
  const calls = createTally()

  function takeCall({ node, problem }: Step): void {
    if (node.action?.type !== 'customHttpAction') return
    calls.add(['all'])
    const code = problem ? problem.originCode : '200'
    if (code !== undefined) calls.add([`${code[0] ?? ''}xx`])
    if (problem?.error === 'timedout' || problem?.error === 'capped') calls.add([problem.error])
  }

  return {
    take(fact) {
      if (fact.kind === 'step') {
        if (fact.problem) errors.add([fact.journey.name, fact.node.name])
        takeCall(fact)
      } else if (fact.kind === 'discard') {
        discards.add(['dispatcher'])
        for (const rule of fact.ruleset?.rules ?? []) rules.add([fact.ruleset?.name ?? '', rule])
      } else if (fact.kind === 'refusal') {
        discards.add(['stateMachine'])
        refusals.add([fact.code])
        refusedPeople.once([fact.code], fact.person.index)
        if (fact.code === 'reentranceNotAllowed') again.add([fact.journey.name])
      }
    },
    answers() {
      const seconds = (span.to - span.from) / 1_000
      return {
        ajo_q16_errors_by_node: answer(errors.rows()),
        ajo_q17_discards_by_service: answer(discards.rows()),
        ajo_q18_rejections_by_rule: answer(rules.rows()),
        ajo_q26a_state_machine_discards: answer(
          refusals.rows().map(([code = null, count]) => [code, count, refusedPeople.of(code)]),
        ),
        ajo_q26b_reentrance_refused: answer(again.rows()),
        ajo_q28_endpoint_health: answer(
          [
            [
              loyaltyEndpoint,
              calls.of('all'),
              ...['2xx', '4xx', '5xx', 'timedout', 'capped'].map((key) => calls.of(key)),
              calls.of('all') / seconds,
            ],
          ],
          { from: literalOf(span.from), to: literalOf(span.to) },
        ),
      }
    },
  }
}
