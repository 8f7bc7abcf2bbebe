import { dayMs, isoOf } from '../calendar.ts'
import { createDice } from '../dice.ts'
import type { SampleRow } from '../sample.ts'
import type { Course } from './course.ts'
import { identitiesOf } from './identities.ts'
import type { Person } from './person.ts'
import { tables } from './tables.ts'
import { audienceId } from './world.ts'

/** What happened to a person, as its records tell of it. */
export interface LifeSummary {
  readonly hadAlert: boolean
  readonly newsletters: number
}

/** The records about one person. */
export function* profileRows(course: Course, person: Person, life: LifeSummary): Generator<SampleRow> {
  const identity = { _id: person.id, identityMap: identitiesOf(person) }
  const end = isoOf(course.span.to + 7 * dayMs)
  const consent = { val: person.hasConsented ? 'y' : 'n' }
  const made = (table: string, fields: object): SampleRow => ({ table, row: { ...identity, ...fields } })
  yield made(tables.consent, {
    consents: {
      idSpecific: {
        Email: { [person.address]: { marketing: { email: consent, sms: consent, push: consent } } },
      },
      metadata: { time: isoOf(Math.max(person.joinedAt, course.span.from)) },
    },
  })
  yield made(tables.pushProfile, {
    pushNotificationDetails: [
      {
        appID: 'example.lakeside',
        platform: person.platform,
        token: createDice(course.seed, 'token', person.index).uuid(),
        denylisted: 'n',
      },
    ],
  })
  if (life.newsletters > 0) {
    yield made(tables.counters, {
      counters: { newsletters: { counter_value: life.newsletters, expirationDate: end, expiryDate: end } },
    })
  }
  if (life.hadAlert) {
    yield made(tables.interactive, {
      person: { name: { firstName: person.firstName, lastName: person.lastName } },
      mobilePhone: { number: person.phone },
    })
  }
  if (person.joinedAt < course.span.from) {
    const segmentMembership = {
      ups: { [audienceId]: { status: 'realized', lastQualificationTime: isoOf(course.span.from) } },
    }
    yield made(tables.audienceOutput, { segmentMembership })
    yield made(tables.audienceProfile, {
      segmentMembership,
      audienceEnrichment: { [audienceId]: { city: 'Bremen' } },
    })
  }
  yield made(tables.sendTime, {
    sendTime: { email: { hour: 8 + (person.index % 12), score: 50 + (person.index % 50) } },
  })
}
