import { dayMs, minuteMs } from '../calendar.ts'
import { createDice, type Dice } from '../dice.ts'
import type { Course } from './course.ts'
import { deliver } from './deliver.ts'
import type { Fact, Problem, Step } from './facts.ts'
import { dealtNewcomers, oldCustomers, type Person } from './person.ts'
import { stepsOf } from './steps.ts'
import { messages, welcome } from './world.ts'

interface Trouble {
  readonly status: Step['status']
  readonly problem: Problem
}

/** What the loyalty service answers when it does not do what it should. */
const troubles: readonly [Trouble, ...Trouble[]] = [
  {
    status: 'error',
    problem: { error: 'http', errorCode: '404', originError: 'Not Found', originCode: '404' },
  },
  {
    status: 'error',
    problem: { error: 'http', errorCode: '500', originError: 'Internal Server Error', originCode: '500' },
  },
  { status: 'timedOut', problem: { error: 'timedout', errorCode: '408' } },
  { status: 'cappingError', problem: { error: 'capped', errorCode: '429' } },
  { status: 'error', problem: { error: 'error' } },
  { status: 'error', problem: { error: 'businessRuleProfileDiscarded' } },
  { status: 'error', problem: { fetchError: 'http', fetchErrorCode: '503' } },
]
const troubleShare = 0.08
const againShare = 0.1
const refusals = ['reentranceNotAllowed', 'instanceNotFound'] as const

/** Who joins is greeted, three days later asked for at the loyalty service, reminded; some come a second time. */
export function* welcomeOf(course: Course, person: Person): Generator<Fact> {
  if (person.joinedAt < course.span.from) return
  const dice = createDice(course.seed, 'welcome', person.index)
  const again = person.joinedAt + 6 * dayMs
  const dealt = person.index - oldCustomers
  const trouble = dealt < dealtNewcomers ? troubles[dealt] : drawnTrouble(dice)
  yield* walk(course, person, { dice, at: person.joinedAt, isReentrance: false, trouble })
  const refusal = refusals[dealt - troubles.length]
  if (
    again >= course.span.to ||
    !(dealt < dealtNewcomers ? dealt >= troubles.length : dice.chance(againShare))
  )
    return
  if (refusal === undefined && (dealt < dealtNewcomers || dice.chance(0.5))) {
    yield* walk(course, person, { dice, at: again, isReentrance: true, trouble: drawnTrouble(dice) })
    return
  }
  const code = refusal ?? (dice.chance(0.8) ? refusals[0] : refusals[1])
  yield { kind: 'refusal', id: `refusal-${person.index}`, person, journey: welcome, at: again, code }
}

function drawnTrouble(dice: Dice): Trouble | undefined {
  return dice.chance(troubleShare) ? dice.pick(troubles) : undefined
}

interface Walk {
  readonly dice: Dice
  readonly at: number
  readonly isReentrance: boolean
  readonly trouble: Trouble | undefined
}

function* walk({ span }: Course, person: Person, { dice, at, isReentrance, trouble }: Walk): Generator<Fact> {
  const { nodes } = welcome
  const visit = `${person.index}${isReentrance ? '-again' : ''}`
  const instanceId = `unitary_welcome-${visit}`
  const steps = stepsOf({ journey: welcome, person, instanceId, isReentrance, span })
  yield* steps.take(nodes.start, at, { isEntrance: true })
  const greetedAt = at + minuteMs
  if (greetedAt >= span.to) return
  yield* steps.take(nodes.mail, greetedAt)
  yield deliver(dice, {
    id: `welcome-${visit}`,
    message: messages.welcomeMail,
    person,
    at: greetedAt,
    span,
    instanceId,
  })
  yield* steps.take(nodes.wait, greetedAt + minuteMs)
  const askedAt = greetedAt + 3 * dayMs + dice.below(600) * 1_000
  yield* steps.take(nodes.loyalty, askedAt, { ...trouble, hasEnded: trouble !== undefined })
  if (trouble || askedAt + 2 * minuteMs >= span.to) return
  yield* steps.take(nodes.push, askedAt + minuteMs)
  yield deliver(dice, {
    id: `reminder-${visit}`,
    message: messages.reminderPush,
    person,
    at: askedAt + minuteMs,
    span,
    instanceId,
  })
  yield* steps.take(nodes.end, askedAt + 2 * minuteMs, { hasEnded: true })
}
