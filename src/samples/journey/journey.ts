import { generationOf } from '../generation.ts'
import type { Generation, Sample, SampleRow, SampleScale } from '../sample.ts'
import { journeyDatasets, tableIn } from './catalogue.ts'
import { createJobBook } from './closing.ts'
import { type Course, courseOf } from './course.ts'
import type { Fact } from './facts.ts'
import { createLedger } from './ledger.ts'
import { lifeOf } from './life.ts'
import { messageRows } from './message-rows.ts'
import { decisionRow, sightRows } from './other-rows.ts'
import { personOf } from './person.ts'
import { profileRows } from './profile-rows.ts'
import { stepRow } from './step-rows.ts'
import { tables } from './tables.ts'
import { messages } from './world.ts'
import { worldRows } from './world-rows.ts'

/** Messages, journeys and decisions of an invented company, in the datasets of Journey Optimizer. */
export const journeySample: Sample = {
  name: 'journey',
  description: 'Journey Optimizer: messages, journeys, campaigns, decisions',
  defaults: { profiles: 2_000, days: 30, seed: 1 },
  datasets: journeyDatasets,
  parameters: (sandbox) => ({ decisions: tableIn(sandbox, tables.decisions) }),
  generate(scale: SampleScale, sandbox: string): Generation {
    const course = courseOf(scale)
    const ledger = createLedger(course)
    return generationOf(namedIn(sandbox, everything(course, scale, ledger.take)), {
      tables: journeyDatasets(sandbox).map(({ table }) => table),
      answers: ledger.answers,
    })
  },
}

function* namedIn(sandbox: string, rows: Iterable<SampleRow>): Generator<SampleRow> {
  const decisions = tableIn(sandbox, tables.decisions)
  for (const one of rows) yield one.table === tables.decisions ? { table: decisions, row: one.row } : one
}

function* everything(course: Course, scale: SampleScale, take: (fact: Fact) => void): Generator<SampleRow> {
  const jobs = createJobBook(course)
  yield* worldRows(course)
  for (let index = 0; index < scale.profiles; index++) {
    const person = personOf(scale.seed, index, course.span)
    let newsletters = 0
    let hadAlert = false
    for (const fact of lifeOf(course, person)) {
      take(fact)
      jobs.see(fact)
      if (fact.kind === 'delivery') {
        if (fact.message === messages.newsletterMail && fact.feedback[0]?.status === 'sent') newsletters += 1
        if (fact.message === messages.parcelSms) hadAlert = true
      }
      yield* rowsOf(fact, course)
    }
    yield* profileRows(course, person, { newsletters, hadAlert })
  }
  for (const fact of jobs.jobs()) {
    take(fact)
    yield stepRow(fact)
  }
}

function* rowsOf(fact: Fact, course: Course): Generator<SampleRow> {
  switch (fact.kind) {
    case 'delivery':
      yield* messageRows(fact, course)
      break
    case 'decision':
      yield decisionRow(fact)
      break
    case 'sight':
      yield* sightRows(fact, course)
      break
    default:
      yield stepRow(fact)
  }
}
