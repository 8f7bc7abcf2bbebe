import { dayMs, hourMs, minuteMs } from '../calendar.ts'
import { createDice, type Dice } from '../dice.ts'
import type { Course, NewsletterRun } from './course.ts'
import { deliver, everyOutcome } from './deliver.ts'
import type { ExportJob, Fact } from './facts.ts'
import { discardOf, exportFailures, everyDiscard } from './discards.ts'
import { oldCustomers, type Person } from './person.ts'
import { stepsOf } from './steps.ts'
import { welcomeOf } from './welcome.ts'
import { messages, newsletter, offers, winback } from './world.ts'

/** Everything that happens to one person, kind by kind and not in order of time. */
export function* lifeOf(course: Course, person: Person): Generator<Fact> {
  yield* welcomeOf(course, person)
  for (const run of course.runs) yield* newsletterOf(course, person, run)
  yield* winbackOf(course, person)
  yield* promotionOf(course, person)
  yield* alertsOf(course, person)
  yield* sightsOf(course, person)
}

const discardShare = 0.02
const exportFailureShare = 0.01

function* newsletterOf(course: Course, person: Person, run: NewsletterRun): Generator<Fact> {
  if (person.joinedAt >= run.at) return
  const dice = createDice(course.seed, 'newsletter', run.index, person.index)
  const id = `newsletter-${run.index}-${person.index}`
  const at = run.at + dice.below(60) * minuteMs
  // In the first run the oldest customers are dealt one of everything.
  const dealt = run.index === 0 ? person.index : Number.POSITIVE_INFINITY
  const failed = dealt - everyOutcome.length - everyDiscard.length
  const failure =
    exportFailures[failed] ??
    (isFree(dealt) && dice.chance(exportFailureShare) ? dice.pick(exportFailures) : undefined)
  if (failure !== undefined) {
    yield {
      kind: 'export-job',
      id: `${id}-job`,
      jobId: run.jobId,
      at: run.at + 2 * minuteMs,
      status: 'started',
      code: failure,
      person,
    } satisfies ExportJob
    return
  }
  const discard =
    everyDiscard[dealt - everyOutcome.length] ??
    (isFree(dealt) && dice.chance(discardShare) ? dice.pick(everyDiscard) : undefined)
  if (discard) {
    yield discardOf(discard, { id: `${id}-discard`, person, journey: newsletter, at })
    return
  }
  const { batchInstanceId } = run
  const instanceId = `batch_${id}`
  const steps = stepsOf({ journey: newsletter, person, instanceId, batchInstanceId, span: course.span })
  yield* steps.take(newsletter.nodes.start, at, { isEntrance: true })
  yield* steps.take(newsletter.nodes.mail, at + minuteMs)
  yield deliver(dice, {
    id,
    message: messages.newsletterMail,
    person,
    at: at + minuteMs,
    span: course.span,
    outage: course.outage,
    outcome: dealt === dealtOutcomes ? 'sent' : everyOutcome[dealt],
    isAllDone: dealt === dealtOutcomes,
    instanceId,
    batchInstanceId,
  })
  yield* steps.take(newsletter.nodes.end, at + 2 * minuteMs, { hasEnded: true })
}

/** Whom the next newsletter finds after everything was dealt does everything with it. */
const dealtOutcomes = everyOutcome.length + everyDiscard.length + exportFailures.length

/** Nothing was dealt. */
function isFree(dealt: number): boolean {
  return dealt >= oldCustomers
}

const lapsedShare = 0.2

/** Entered until it was paused; whoever waited then has waited since. */
function* winbackOf(course: Course, person: Person): Generator<Fact> {
  const dice = createDice(course.seed, 'winback', person.index)
  if (person.joinedAt >= course.span.from || !dice.chance(lapsedShare)) return
  const at =
    course.span.from + dice.below((course.pausedAt - course.span.from - hourMs) / minuteMs) * minuteMs
  const instanceId = `unitary_winback-${person.index}`
  const steps = stepsOf({ journey: winback, person, instanceId, span: course.span })
  yield* steps.take(winback.nodes.start, at, { isEntrance: true })
  yield* steps.take(winback.nodes.mail, at + minuteMs)
  yield deliver(dice, {
    id: `winback-${person.index}`,
    message: messages.winbackMail,
    person,
    at: at + minuteMs,
    span: course.span,
    instanceId,
  })
  yield* steps.take(winback.nodes.wait, at + 2 * minuteMs)
  const onwards = at + 5 * dayMs
  if (onwards < course.pausedAt) yield* steps.take(winback.nodes.end, onwards, { hasEnded: true })
}

function* promotionOf(course: Course, person: Person): Generator<Fact> {
  if (person.joinedAt >= course.promotionAt) return
  const dice = createDice(course.seed, 'promotion', person.index)
  const at = course.promotionAt + dice.below(120) * minuteMs
  const first = dice.below(offers.length + 1)
  yield {
    kind: 'decision',
    id: `decision-${person.index}`,
    person,
    at,
    offers: offers.slice(first, first + 2),
  }
  const message = dice.chance(0.5) ? messages.promoPlain : messages.promoPrice
  yield deliver(dice, {
    id: `promotion-${person.index}`,
    message,
    person,
    at: at + minuteMs,
    span: course.span,
    batchInstanceId: 'batch-promotion',
  })
}

function* alertsOf(course: Course, person: Person): Generator<Fact> {
  const dice = createDice(course.seed, 'alerts', person.index)
  for (let count = dice.below(3); count > 0; count--) {
    const at = timeIn(course, dice)
    if (at > person.joinedAt) {
      yield deliver(dice, {
        id: `alert-${person.index}-${count}`,
        message: messages.parcelSms,
        person,
        at,
        span: course.span,
      })
    }
  }
}

function* sightsOf(course: Course, person: Person): Generator<Fact> {
  const dice = createDice(course.seed, 'sights', person.index)
  for (let count = dice.below(4); count > 0; count--) {
    const at = timeIn(course, dice)
    const surface = dice.chance(0.6) ? 'web' : 'app'
    const id = `sight-${person.index}-${count}`
    yield { kind: 'sight', id, person, at, type: 'display', surface }
    if (dice.chance(0.2) && at + minuteMs < course.span.to) {
      yield { kind: 'sight', id: `${id}-interact`, person, at: at + minuteMs, type: 'interact', surface }
    }
  }
}

function timeIn({ span }: Course, dice: Dice): number {
  return span.from + dice.below((span.to - span.from) / minuteMs) * minuteMs
}
