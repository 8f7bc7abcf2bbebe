/** What the invented company has set up. The same for every seed: queries name it. */
export type Channel = 'email' | 'sms' | 'push'

export interface MessageDefinition {
  readonly messageId: string
  readonly publicationId: string
  readonly executionId: string
  readonly channel: Channel
  readonly type: 'marketing' | 'transactional'
  readonly title: string
  readonly template: string
  /** Exactly one of the two. */
  readonly journeyAction?: { readonly journey: Journey; readonly id: string; readonly name: string }
  readonly campaign?: Campaign & { readonly treatment?: { readonly id: string; readonly name: string } }
  readonly hasCopies?: boolean
}

export interface Journey {
  readonly id: string
  readonly versionId: string
  readonly name: string
  readonly version: string
  readonly state: 'live' | 'paused'
  readonly description: string
  readonly nodes: Readonly<Record<string, JourneyNode>>
}

export interface JourneyNode {
  readonly id: string
  readonly name: string
  readonly type: 'start' | 'segmentTrigger' | 'action' | 'wait' | 'end'
  readonly action?: Action
}

export interface Action {
  readonly id: string
  readonly name: string
  readonly type: 'email' | 'push' | 'customHttpAction'
}

export interface Campaign {
  readonly id: string
  readonly versionId: string
  readonly actionId: string
  readonly name: string
  readonly description: string
  /** Each gets it at the hour that is best for him. */
  readonly isSendTimeOptimized: boolean
}

const id = (kind: string, number: number) => `${kind}00000-0000-4000-8000-${String(number).padStart(12, '0')}`

function node(number: number, type: JourneyNode['type'], name: string) {
  return { id: id('d0d', number), name, type }
}

function actionNode(number: number, name: string, action: Omit<Action, 'id'>) {
  return { ...node(number, 'action', name), action: { id: id('ac0', number), ...action } }
}

export const welcome = {
  id: id('a00', 1),
  versionId: id('b00', 1),
  name: 'Welcome',
  version: '1.2',
  state: 'live',
  description: 'Greets who joins, asks the loyalty service, reminds by push',
  nodes: {
    start: node(1, 'start', 'Joined'),
    mail: actionNode(2, 'Greet', { name: 'Welcome mail', type: 'email' }),
    wait: node(3, 'wait', 'Wait three days'),
    loyalty: actionNode(4, 'Loyalty status', { name: 'Loyalty service', type: 'customHttpAction' }),
    push: actionNode(5, 'Remind', { name: 'Reminder push', type: 'push' }),
    end: node(6, 'end', 'Done'),
  },
} as const satisfies Journey

export const newsletter = {
  id: id('a00', 2),
  versionId: id('b00', 2),
  name: 'Newsletter',
  version: '3.0',
  state: 'live',
  description: 'Reads an audience every week',
  nodes: {
    start: node(11, 'segmentTrigger', 'Readers'),
    mail: actionNode(12, 'Send newsletter', { name: 'Newsletter mail', type: 'email' }),
    end: node(13, 'end', 'Sent'),
  },
} as const satisfies Journey

export const winback = {
  id: id('a00', 3),
  versionId: id('b00', 3),
  name: 'Win back',
  version: '1.0',
  state: 'paused',
  description: 'Paused half way: who waited, waits',
  nodes: {
    start: node(21, 'start', 'Lapsed'),
    mail: actionNode(22, 'Offer to come back', { name: 'Win-back mail', type: 'email' }),
    wait: node(23, 'wait', 'Wait five days'),
    end: node(24, 'end', 'Back'),
  },
} as const satisfies Journey

/** The node at which a journey takes an action. */
export function nodeOf(journey: Journey, actionId: string): JourneyNode | undefined {
  return Object.values(journey.nodes).find(({ action }) => action?.id === actionId)
}

export const journeys: readonly Journey[] = [welcome, newsletter, winback]

const promo: Campaign = {
  id: id('ca0', 1),
  versionId: id('cb0', 1),
  actionId: id('cc0', 1),
  name: 'Spring promotion',
  description: 'Two subjects for one offer, to everybody',
  isSendTimeOptimized: true,
}
const alerts: Campaign = {
  id: id('ca0', 2),
  versionId: id('cb0', 2),
  actionId: id('cc0', 2),
  name: 'Parcel alerts',
  description: 'Sent when a program asks for it',
  isSendTimeOptimized: false,
}

export const experiment = { id: id('e00', 1), name: 'Subject of the promotion' } as const

function message(
  number: number,
  given: Pick<MessageDefinition, 'channel' | 'type' | 'title'> & Partial<MessageDefinition>,
): MessageDefinition {
  return {
    messageId: id('ae0', number),
    publicationId: id('af0', number),
    executionId: `UMA-3064750${number}`,
    template: `<p>${given.title}</p>`,
    ...given,
  }
}

const at = (journey: Journey, { action }: { readonly action: Action }) => ({
  journeyAction: { journey, id: action.id, name: action.name },
})
const promotion = {
  channel: 'email',
  type: 'marketing',
  executionId: 'BMA-30647505',
  hasCopies: true,
} as const

export const messages = {
  welcomeMail: message(1, {
    channel: 'email',
    type: 'transactional',
    title: 'Good to have you',
    ...at(welcome, welcome.nodes.mail),
  }),
  reminderPush: message(2, {
    channel: 'push',
    type: 'marketing',
    title: 'Your first order',
    ...at(welcome, welcome.nodes.push),
  }),
  newsletterMail: message(3, {
    channel: 'email',
    type: 'marketing',
    title: 'What is new this week',
    executionId: 'BMA-30647503',
    ...at(newsletter, newsletter.nodes.mail),
  }),
  winbackMail: message(4, {
    channel: 'email',
    type: 'marketing',
    title: 'We miss you',
    ...at(winback, winback.nodes.mail),
  }),
  promoPlain: message(5, {
    ...promotion,
    title: 'Spring is here',
    campaign: { ...promo, treatment: { id: id('e10', 1), name: 'Plain' } },
  }),
  promoPrice: message(6, {
    ...promotion,
    title: 'Spring from 9.90',
    campaign: { ...promo, treatment: { id: id('e10', 2), name: 'Price' } },
  }),
  parcelSms: message(7, {
    channel: 'sms',
    type: 'transactional',
    title: 'Your parcel arrives today',
    campaign: alerts,
  }),
} as const

export const allMessages: readonly MessageDefinition[] = Object.values(messages)

export const audienceId = id('5e0', 1)
export const activity = {
  id: 'xcore:offer-activity:1000000000000001',
  name: 'Offer in the promotion',
} as const
export const placement = { id: 'xcore:offer-placement:1000000000000001', name: 'Mail head' } as const
export const fallback = { id: 'xcore:fallback-offer:1000000000000001', name: 'See what is new' } as const
export const offers = [
  { id: 'xcore:personalized-offer:1000000000000001', name: 'Free delivery', priority: 30 },
  { id: 'xcore:personalized-offer:1000000000000002', name: 'Ten percent', priority: 20 },
  { id: 'xcore:personalized-offer:1000000000000003', name: 'Gift card', priority: 10 },
] as const

export const loyaltyEndpoint = 'https://loyalty.example/v1/members'

/** Shares of the domains that addresses have. */
export const domains = [
  'mail.example',
  'mail.example',
  'post.example',
  'inbox.example',
  'firm.example',
] as const
/** Unreachable for an hour. */
export const outageDomain = 'post.example'
