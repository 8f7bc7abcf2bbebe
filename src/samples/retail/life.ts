import { dayMs, hourMs, minuteMs, type Span } from '../calendar.ts'
import { createDice, type Dice } from '../dice.ts'
import type { Account, Customer, Device, Fact, Order, Visit } from './facts.ts'
import { callReasons, industries, products, referrers, stores } from './world.ts'

export interface Scene {
  readonly seed: number
  readonly span: Span
}

const earlierShare = 0.05
const signInShare = 0.6
const orderShare = 0.15
const lateShare = 0.02
const doubleShare = 0.005
const customersAnAccount = 20
const contactsMax = 3

const firstNames = ['Ada', 'Ben', 'Chloé', 'Dina', 'Emil', 'Fatou', 'Łucja', 'Jan'] as const
const lastNames = ['Abel', "O'Brien", 'Costa', 'Dubois', 'Fischer', 'García', 'Ito', 'Jensen'] as const

export function customerOf({ seed, span }: Scene, index: number): Customer {
  const dice = createDice(seed, 'customer', index)
  const account =
    index % customersAnAccount < contactsMax
      ? accountOf(seed, Math.floor(index / customersAnAccount))
      : undefined
  const made = {
    index,
    number: `C-${index}`,
    firstName: dice.pick(firstNames),
    lastName: dice.pick(lastNames),
    city: dice.pick(stores).city,
    level: dice.pick(['basic', 'basic', 'silver', 'gold'] as const),
    ...(account ? { account } : {}),
  }
  if (!dice.chance(earlierShare)) return made
  const mergedAt = span.from + dice.below((span.to - span.from) / hourMs) * hourMs
  return { ...made, earlierNumber: `G-${index}`, mergedAt }
}

function accountOf(seed: number, index: number): Account {
  const dice = createDice(seed, 'account', index)
  return { id: `A-${index}`, name: `Company ${index}`, industry: dice.pick(industries) }
}

/** Everything one customer does. */
export function* lifeOf(scene: Scene, customer: Customer): Generator<Fact> {
  const dice = createDice(scene.seed, 'visits', customer.index)
  const devices = devicesOf(customer, dice)
  for (let visit = dice.below(6); visit > 0; visit--)
    yield* visitOf(scene, customer, { dice, devices, visit })
  const tills = createDice(scene.seed, 'tills', customer.index)
  for (let visit = tills.below(3); visit > 0; visit--) {
    yield {
      kind: 'purchase',
      id: `till-${customer.index}-${visit}`,
      customer,
      at: timeIn(scene, tills),
      store: tills.pick(stores),
      order: orderOf(tills, `till-${customer.index}-${visit}`),
    }
  }
  const calls = createDice(scene.seed, 'calls', customer.index)
  if (!calls.chance(0.2)) return
  const id = `call-${customer.index}`
  yield {
    kind: 'call',
    id,
    customer,
    at: timeIn(scene, calls),
    reason: calls.pick(callReasons),
    seconds: 20 + calls.below(900),
  }
}

/** One to three devices, each of them linked once somebody signs in on it. */
export function devicesOf(customer: Customer, dice: Dice): readonly [Device, ...Device[]] {
  const device = (number: number): Device => ({ ecid: ecidOf(1, customer.index, number), owner: customer })
  return [device(0), ...Array.from({ length: dice.below(3) }, (_, index) => device(index + 1))]
}

/** 38 digits, as visitors' ids have. */
function ecidOf(kind: number, who: number, number: number): string {
  return `${kind}${String(who).padStart(36, '0')}${number}`
}

interface Visiting {
  readonly dice: Dice
  readonly devices: readonly [Device, ...Device[]]
  readonly visit: number
}

function* visitOf(scene: Scene, customer: Customer, { dice, devices, visit }: Visiting): Generator<Visit> {
  const device = dice.pick(devices)
  const surface = dice.chance(0.7) ? 'web' : 'app'
  const at = timeIn(scene, dice)
  const earlier =
    customer.mergedAt !== undefined && at < customer.mergedAt ? customer.earlierNumber : undefined
  const number = earlier ?? customer.number
  const signedIn = dice.chance(signInShare) ? { signedIn: number } : {}
  const referrer = dice.pick(referrers)
  const hasOrder = dice.chance(orderShare)
  const types: Visit['type'][] = [
    ...Array.from({ length: 1 + dice.below(5) }, () =>
      dice.chance(0.5) ? ('page' as const) : ('product' as const),
    ),
    ...(hasOrder ? ['cart' as const, 'order' as const] : []),
  ]
  for (const [index, type] of types.entries()) {
    const when = at + index * minuteMs
    const id = `visit-${customer.index}-${visit}-${index}`
    const isLate = dice.chance(lateShare)
    yield {
      kind: 'visit',
      id,
      surface,
      device,
      ...signedIn,
      at: when,
      receivedAt: when + (isLate ? dayMs + dice.below(48) * hourMs : 2_000),
      isDoubled: dice.chance(doubleShare),
      isBot: false,
      type,
      page: type === 'page' ? 'home' : type,
      ...(index === 0 ? { referrer } : {}),
      ...(type === 'order' ? { order: orderOf(dice, id) } : {}),
    }
  }
}

const customersABot = 200
const botEvents = 150

/** Programs that look at many pages in a few minutes. */
export function* botsOf(scene: Scene, customers: number): Generator<Visit> {
  for (let bot = 0; bot < Math.ceil(customers / customersABot); bot++) {
    const dice = createDice(scene.seed, 'bot', bot)
    const at = timeIn(scene, dice)
    const device = { ecid: ecidOf(9, bot, 0) }
    for (let index = 0; index < botEvents; index++) {
      const when = at + index * 2_000
      yield {
        kind: 'visit',
        id: `bot-${bot}-${index}`,
        surface: 'web',
        device,
        at: when,
        receivedAt: when + 2_000,
        isDoubled: false,
        isBot: true,
        type: 'page',
        page: `page ${index}`,
      }
    }
  }
}

function orderOf(dice: Dice, id: string): Order {
  return { id: `order-${id}`, product: dice.pick(products), quantity: 1 + dice.below(3) }
}

/** Leaves room for what follows within a visit. */
function timeIn({ span }: Scene, dice: Dice): number {
  return span.from + dice.below((span.to - span.from - hourMs) / minuteMs) * minuteMs
}
