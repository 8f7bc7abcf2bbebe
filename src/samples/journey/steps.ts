import type { Span } from '../calendar.ts'
import type { Problem, Step } from './facts.ts'
import type { Person } from './person.ts'
import type { Journey, JourneyNode } from './world.ts'

interface Instance {
  readonly journey: Journey
  readonly person: Person
  readonly instanceId: string
  readonly batchInstanceId?: string
  readonly isReentrance?: boolean
  readonly span: Span
}

interface StepOptions {
  readonly isEntrance?: boolean
  readonly hasEnded?: boolean
  readonly status?: Step['status']
  readonly problem?: Problem
}

/** The way of one profile through a journey: a step at each node it comes to within the span. */
export function stepsOf({
  journey,
  person,
  instanceId,
  batchInstanceId,
  isReentrance = false,
  span,
}: Instance) {
  let parent: Step['parent']
  return {
    *take(
      node: JourneyNode,
      at: number,
      { isEntrance = false, hasEnded = false, status, problem }: StepOptions = {},
    ): Generator<Step> {
      if (at >= span.to) return
      const id = `${instanceId}-${node.id.slice(-2)}`
      yield {
        kind: 'step',
        id,
        journey,
        node,
        person,
        at,
        instanceId,
        ...(batchInstanceId === undefined ? {} : { batchInstanceId }),
        status: status ?? (hasEnded ? 'endStep' : 'transitions'),
        isEntrance,
        isReentrance: isEntrance && isReentrance,
        hasEnded,
        eventId: isEntrance ? 'createInstance' : `${instanceId}-moved`,
        ...(parent ? { parent } : {}),
        ...(problem ? { problem } : {}),
      }
      parent = { id, node }
    },
  }
}
