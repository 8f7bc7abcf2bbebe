import { dayMs, hourMs, type Span } from '../calendar.ts'
import { createDice } from '../dice.ts'
import { domains } from './world.ts'

export interface Person {
  readonly index: number
  readonly id: string
  readonly ecid: string
  readonly firstName: string
  readonly lastName: string
  readonly address: string
  readonly domain: string
  readonly phone: string
  readonly platform: 'apns' | 'fcm'
  /** Before the span: a customer already. */
  readonly joinedAt: number
  readonly hasConsented: boolean
}

/** One in so many is a profile to test with. */
const testedOneIn = 25

export function isTestProfile({ index }: Pick<Person, 'index'>): boolean {
  return index % testedOneIn === 0
}

/** These were customers before the span, so that every outcome can be dealt to one of them. */
export const oldCustomers = 50
/** The next ones join in the first half of it, so that each trouble and each refusal is dealt to one of them. */
export const dealtNewcomers = 10
const newShare = 0.6
const consentShare = 0.97

const firstNames = [
  'Ada',
  'Ben',
  'Chloé',
  'Dina',
  'Emil',
  'Fatou',
  'Goran',
  'Hana',
  'Iris',
  'Jan',
  'Kim',
  'Łucja',
] as const
const lastNames = [
  'Abel',
  'Brandt',
  'Costa',
  'Dubois',
  'Eriksen',
  'Fischer',
  'García',
  'Haddad',
  'Ito',
  'Jensen',
] as const

export function personOf(seed: number, index: number, span: Span): Person {
  const dice = createDice(seed, 'person', index)
  // Queries ask for the first by their addresses.
  const domain = domains[index] ?? dice.pick(domains)
  const isDealt = index >= oldCustomers && index < oldCustomers + dealtNewcomers
  const isNew = isDealt || (index >= oldCustomers && dice.chance(newShare))
  const room = (span.to - span.from) / (isDealt ? 2 : 1) - hourMs
  const joined = isNew
    ? span.from + Math.floor(dice.next() * room)
    : span.from - dayMs - dice.below(400) * dayMs
  return {
    index,
    id: `profile-${index}`,
    ecid: `2${String(index).padStart(37, '0')}`,
    firstName: dice.pick(firstNames),
    lastName: dice.pick(lastNames),
    address: `person${index}@${domain}`,
    domain,
    phone: `+49155500${String(index).padStart(7, '0')}`,
    platform: dice.chance(0.5) ? 'apns' : 'fcm',
    // Rows have milliseconds; whole seconds keep sums of spans exact.
    joinedAt: Math.floor(joined / 1_000) * 1_000,
    hasConsented: index < oldCustomers || dice.chance(consentShare),
  }
}
