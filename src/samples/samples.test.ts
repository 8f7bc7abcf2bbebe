import { describe, expect, it, test } from 'vitest'
import { dayMs, spanOf } from './calendar.ts'
import { courseOf } from './journey/course.ts'
import { everyOutcome } from './journey/deliver.ts'
import { everyDiscard, exportFailures } from './journey/discards.ts'
import type { Delivery, Fact } from './journey/facts.ts'
import { lifeOf } from './journey/life.ts'
import { personOf } from './journey/person.ts'
import type { SampleRow, SampleScale } from './sample.ts'
import { samples } from './samples.ts'

const scale: SampleScale = { profiles: 120, days: 30, seed: 7, lastDay: '2026-04-10' }

function everything(sample: (typeof samples)[number], given: SampleScale = scale) {
  const generation = sample.generate(given, 'prod')
  const rows = [...generation.rows]
  return { rows, truth: generation.truth() }
}

function facts(given: SampleScale): Fact[] {
  const course = courseOf(given)
  return Array.from({ length: given.profiles }, (_, index) => [
    ...lifeOf(course, personOf(given.seed, index, course.span)),
  ]).flat()
}

it('fills every documented field of journeys and messages somewhere, and has every flag both ways', () => {
  const [journey] = samples.filter(({ name }) => name === 'journey')
  const seen = new Map<string, Set<unknown>>()
  const look = (value: unknown, path: string): void => {
    if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value))
        look(inner, Array.isArray(value) ? path : `${path}.${key}`)
    } else if (value !== undefined && value !== null) {
      seen.set(path, (seen.get(path) ?? new Set()).add(typeof value === 'boolean' ? value : 'some'))
    }
  }
  for (const { table, row } of everything(journey!, { ...scale, profiles: 100, days: 21 }).rows)
    look(row, table)
  const management = '_experience.customerJourneyManagement'
  const steps = 'journey_step_events._experience.journeyOrchestration'
  const feedback = `ajo_message_feedback_event_dataset.${management}`
  const entity = `ajo_entity_dataset.${management}.entities`
  for (const path of [
    `${feedback}.messageExecution.journeyVersionNodeID`,
    `${feedback}.messageDeliveryfeedback.offers.offerID`,
    `ajo_email_tracking_experience_event_dataset.${management}.messageInteraction.offers.propositionID`,
    `${entity}.campaign.description`,
    `${entity}.channelDetails.variantID`,
    `${steps}.serviceEvents.dispatcher.projectionID`,
    ...[
      'parentStepID',
      'parentStepName',
      'exitCriteriaID',
      'exitCriteriaName',
      'actionExecutionOriginStartTime',
      'actionWaitTime',
    ].map((field) => `${steps}.stepEvents.${field}`),
  ])
    expect([path, seen.get(path)]).toEqual([path, new Set(['some'])])
  for (const path of [
    `${steps}.stepEvents.inTest`,
    `${feedback}.messageProfile.isTestExecution`,
    `${feedback}.messageProfile.isSendTimeOptimized`,
  ])
    expect([path, seen.get(path)]).toEqual([path, new Set([true, false])])
})

describe.each(samples)('$name', (sample) => {
  it('is the same for the same seed, and another for another', () => {
    const one = everything(sample)
    expect(everything(sample)).toEqual(one)
    expect(everything(sample, { ...scale, seed: 8 }).rows).not.toEqual(one.rows)
  })

  it('makes rows for each of its tables, and for no other', () => {
    const { rows, truth } = everything(sample)
    const filled = sample.datasets('prod').filter(({ isEmpty }) => isEmpty !== true)
    expect(new Set(rows.map(({ table }) => table))).toEqual(new Set(filled.map(({ table }) => table)))
    for (const { table, isEmpty } of sample.datasets('prod')) {
      const count = rows.filter((row) => row.table === table).length
      expect([table, truth.rows[table]]).toEqual([table, count])
      expect(count > 0).toBe(isEmpty !== true)
    }
  })

  it('begins to give rows at once, however large it is', () => {
    const { rows } = sample.generate({ ...scale, profiles: 10_000_000 }, 'prod')
    const first: SampleRow[] = []
    for (const row of rows) if (first.push(row) === 5_000) break
    expect(first).toHaveLength(5_000)
  })

  it('grows with its size', () => {
    const count = (profiles: number) => everything(sample, { ...scale, profiles }).rows.length
    const ratio = count(1_000) / count(500)
    expect(ratio).toBeGreaterThan(1.8)
    expect(ratio).toBeLessThan(2.2)
  })

  it('has times within its days only', () => {
    const { from, to } = spanOf(scale)
    const times = everything(sample).rows.flatMap(({ row }) =>
      typeof row['timestamp'] === 'string' ? [Date.parse(row['timestamp'])] : [],
    )
    expect(Math.min(...times)).toBeGreaterThanOrEqual(from)
    expect(Math.max(...times)).toBeLessThan(to)
  })

  it('gives every event an id of its own, but for those that came twice', () => {
    const { rows, truth } = everything(sample)
    const ids = rows.map(({ table, row }) => `${table} ${String(row['_id'])}`)
    const doubled =
      truth.answers['retail_event_quality']?.rows.reduce((sum, row) => sum + Number(row[1]), 0) ?? 0
    expect(ids.length - new Set(ids).size).toBe(doubled)
  })
})

describe('what happens on journeys', () => {
  const all = facts(scale)
  const deliveries = all.filter((fact): fact is Delivery => fact.kind === 'delivery')

  test('nobody reads what was not sent, nor before', () => {
    for (const { feedback, interactions } of deliveries) {
      const sent = feedback.find(({ status }) => status === 'sent')
      for (const { at } of interactions) expect(at).toBeGreaterThan(sent?.at ?? Number.POSITIVE_INFINITY)
    }
    expect(deliveries.some(({ interactions }) => interactions.length > 0)).toBe(true)
  })

  test('every message of a journey belongs to an entry that came before it', () => {
    const entered = new Map(
      all.flatMap((fact) => (fact.kind === 'step' && fact.isEntrance ? [[fact.instanceId, fact.at]] : [])),
    )
    for (const { message, instanceId, feedback } of deliveries) {
      if (!message.journeyAction) continue
      const at = entered.get(instanceId ?? '') ?? Number.POSITIVE_INFINITY
      for (const one of feedback) expect(one.at).toBeGreaterThan(at)
    }
  })

  test.each([1, 2, 3, 7])('everything that can happen does, in a small sample of seed %i', (seed) => {
    const all = facts({ ...scale, seed })
    const deliveries = all.filter((fact): fact is Delivery => fact.kind === 'delivery')
    const statuses = new Set(deliveries.flatMap(({ feedback }) => feedback.map(({ status }) => status)))
    expect([...statuses].toSorted()).toEqual([
      'bounce',
      'delay',
      'delivered',
      'denylist',
      'duplicate',
      'error',
      'exclude',
      'out_of_band',
      'sent',
    ])
    const failures = new Set(
      deliveries.flatMap(({ feedback }) =>
        feedback.flatMap(({ failure }) => (failure ? [`${failure.type} ${failure.category}`] : [])),
      ),
    )
    expect([...failures].toSorted()).toEqual(['Hard async', 'Hard sync', 'Soft async', 'Soft sync'])
    const discards = new Set(all.flatMap((fact) => (fact.kind === 'discard' ? [fact.type] : [])))
    expect(discards).toEqual(new Set(everyDiscard.map(({ type }) => type)))
    const codes = new Set(all.flatMap((fact) => (fact.kind === 'export-job' ? [fact.code] : [])))
    expect(codes).toEqual(new Set(exportFailures))
    const interactions = new Set(deliveries.flatMap((one) => one.interactions.map(({ type }) => type)))
    expect([...interactions].toSorted()).toEqual(['click', 'custom', 'open', 'spam_complaint', 'unsubscribe'])
    const problems = new Set(
      all.flatMap((fact) => (fact.kind === 'step' && fact.problem ? [JSON.stringify(fact.problem)] : [])),
    )
    expect(problems.size).toBe(7)
    const refusals = new Set(all.flatMap((fact) => (fact.kind === 'refusal' ? [fact.code] : [])))
    expect([...refusals].toSorted()).toEqual(['instanceNotFound', 'reentranceNotAllowed'])
    expect(all.some((fact) => fact.kind === 'step' && fact.isReentrance)).toBe(true)
    // Whoever they are dealt to was a customer before the first newsletter.
    expect(everyOutcome.length + everyDiscard.length + exportFailures.length).toBeLessThanOrEqual(50)
  })

  test('shares are near what is meant', () => {
    const many = facts({ ...scale, profiles: 3_000 }).filter(
      (fact): fact is Delivery => fact.kind === 'delivery',
    )
    const mail = many.filter(({ message }) => message.channel === 'email')
    const share = (is: (delivery: Delivery) => boolean) => mail.filter(is).length / mail.length
    const has = (status: string) => share(({ feedback }) => feedback.some((one) => one.status === status))
    expect(has('exclude')).toBeGreaterThan(0.03)
    expect(has('exclude')).toBeLessThan(0.09)
    const opened = share(({ interactions }) => interactions.some(({ type }) => type === 'open'))
    expect(opened).toBeGreaterThan(0.22)
    expect(opened).toBeLessThan(0.34)
  })

  test('one domain cannot be reached for an hour', () => {
    const { outage } = courseOf(scale)
    const hit = deliveries.filter(({ feedback }) =>
      feedback.some(({ failure }) => failure?.reason === 'Unreachable'),
    )
    expect(hit.length).toBeGreaterThan(1)
    for (const { person, feedback } of hit) {
      expect(person.domain).toBe('post.example')
      expect(feedback[0]?.at).toBeGreaterThanOrEqual(outage.from)
      expect(feedback[0]?.at).toBeLessThan(outage.to)
    }
  })
})

test('a shop has doubled and late events, bots, and people under earlier numbers', () => {
  const [retail] = samples.filter(({ name }) => name === 'retail')
  if (!retail) throw new Error('The sample is there')
  const { rows } = everything(retail, { ...scale, profiles: 2_000 })
  const web = rows.filter(({ table }) => table === 'retail_web_events').map(({ row }) => row)
  const late = web.filter(
    (row) => Date.parse(String(row['receivedTimestamp'])) - Date.parse(String(row['timestamp'])) > dayMs,
  )
  expect(late.length / web.length).toBeGreaterThan(0.01)
  expect(JSON.stringify(web)).toContain('ExampleBot')
  expect(JSON.stringify(web)).toMatch(/"CRMID":\[\{"id":"G-/)
})

test('a shop on the day on which clocks go forward has no hour from two to three', () => {
  const [retail] = samples.filter(({ name }) => name === 'retail')
  if (!retail) throw new Error('The sample is there')
  const { rows } = everything(retail, { ...scale, profiles: 5_000, days: 21 })
  const local = rows.flatMap(({ row }) => {
    const place = row['placeContext'] as { readonly localTime: string } | undefined
    return place ? [place.localTime] : []
  })
  const hours = (day: string) =>
    new Set(local.filter((at) => at.startsWith(day)).map((at) => at.slice(11, 13)))
  expect([...hours('2026-03-28')].length).toBe(24)
  expect([...hours('2026-03-29')].length).toBe(23)
  expect(hours('2026-03-29')).not.toContain('02')
})
