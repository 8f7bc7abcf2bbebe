import { hourMs, minuteMs, type Span } from '../calendar.ts'
import type { Dice } from '../dice.ts'
import type { Delivery, Failure, Feedback, Interaction } from './facts.ts'
import type { Person } from './person.ts'
import { type MessageDefinition, outageDomain } from './world.ts'

/** What can become of a message, with its share. */
const outcomes = {
  hard: 0.015,
  lateHard: 0.005,
  soft: 0.007,
  lateSoft: 0.003,
  outOfBand: 0.002,
  delayed: 0.005,
  error: 0.003,
  notAllowed: 0.02,
  capped: 0.02,
  denylist: 0.003,
  duplicate: 0.003,
} as const
export type Outcome = keyof typeof outcomes | 'optedOut' | 'outage' | 'sent'
/** Each of them is dealt to somebody, however small the sample is. */
export const everyOutcome = Object.keys(outcomes) as readonly (keyof typeof outcomes)[]

const everyInteraction = ['open', 'click', 'unsubscribe', 'spam_complaint'] as const

const openShare = 0.3
const clickShare = 0.2
const unsubscribeShare = 0.02
const complaintShare = 0.005
const buttonShare = 0.25
const buttons = ['order', 'later', 'dismiss'] as const

const failures = {
  hard: { reason: 'UserUnknown', code: '20', type: 'Hard', category: 'sync' },
  gone: { reason: 'InvalidDomain', code: '21', type: 'Hard', category: 'sync' },
  lateHard: { reason: 'UserUnknown', code: '20', type: 'Hard', category: 'async' },
  soft: { reason: 'MailboxFull', code: '24', type: 'Soft', category: 'sync' },
  lateSoft: { reason: 'MailboxFull', code: '24', type: 'Soft', category: 'async' },
  outage: { reason: 'Unreachable', code: '23', type: 'Soft', category: 'sync' },
  error: { reason: 'RenderingFailed', code: '90', type: 'Hard', category: 'sync' },
} as const satisfies Record<string, Failure>

interface Sending {
  readonly id: string
  readonly message: MessageDefinition
  readonly person: Person
  readonly at: number
  readonly span: Span
  readonly outcome?: Outcome | undefined
  /** Whatever one can do with mail is done with this. */
  readonly isAllDone?: boolean
  /** The hour in which one domain cannot be reached. */
  readonly outage?: Span
  readonly instanceId?: string
  readonly batchInstanceId?: string
}

/** Sends one message: what is reported of it and what its reader does. Nothing lies behind the span. */
export function deliver(dice: Dice, sending: Sending): Delivery {
  const { id, message, person, at, span, instanceId, batchInstanceId } = sending
  const outcome = sending.outcome ?? drawn(dice, sending)
  const feedback = feedbackOf(outcome, at, dice, message).filter((one) => one.at < span.to)
  const isRead = ['sent', 'delayed'].includes(outcome)
  const interactions = isRead
    ? (sending.isAllDone === true
        ? everyInteraction.map((type) => ({ type, at: at + hourMs }))
        : interactionsOf(dice, message, at + minuteMs)
      ).filter((one) => one.at < span.to)
    : []
  const wasTried = !['notAllowed', 'capped', 'denylist', 'duplicate', 'optedOut', 'error'].includes(outcome)
  return {
    kind: 'delivery',
    id,
    message,
    person,
    ...(instanceId === undefined ? {} : { instanceId }),
    ...(batchInstanceId === undefined ? {} : { batchInstanceId }),
    feedback,
    interactions,
    ...(message.hasCopies === true && wasTried ? { copyAt: at } : {}),
  }
}

function drawn(dice: Dice, { person, message, at, outage }: Sending): Outcome {
  if (!person.hasConsented && message.type === 'marketing') return 'optedOut'
  if (outage && person.domain === outageDomain && at >= outage.from && at < outage.to) return 'outage'
  let left = dice.next()
  for (const outcome of everyOutcome) {
    left -= outcomes[outcome]
    if (left < 0) return outcome
  }
  return 'sent'
}

function feedbackOf(outcome: Outcome, at: number, dice: Dice, message: MessageDefinition): Feedback[] {
  const late = at + (1 + dice.below(20)) * hourMs
  const bounce = (failure: Failure, when = at): Feedback => ({ status: 'bounce', at: when, failure })
  const sent: Feedback = { status: 'sent', at }
  const exclude = (code: string, reason: string): Feedback[] => [
    { status: 'exclude', at, exclusion: { code, reason } },
  ]
  switch (outcome) {
    case 'sent':
      return message.channel === 'email' ? [sent] : [sent, { status: 'delivered', at: at + 5_000 }]
    case 'delayed':
      return [
        { status: 'delay', at, retries: 1 },
        { status: 'sent', at: at + 10 * minuteMs, retries: 1 },
      ]
    case 'hard':
      return [bounce(dice.chance(0.7) ? failures.hard : failures.gone)]
    case 'lateHard':
      return [sent, bounce(failures.lateHard, late)]
    case 'soft':
      return [
        { status: 'delay', at, retries: 1 },
        { ...bounce(failures.soft, at + hourMs), retries: 3 },
      ]
    case 'lateSoft':
      return [sent, bounce(failures.lateSoft, late)]
    case 'outage':
      return [{ ...bounce(failures.outage), retries: 3 }]
    case 'outOfBand':
      return [sent, { status: 'out_of_band', at: late, failure: failures.lateHard }]
    case 'error':
      return [{ status: 'error', at, failure: failures.error }]
    case 'notAllowed':
      return exclude('AllowList', 'EmailNotAllowed')
    case 'capped':
      return exclude('FrequencyCap', 'CapReached')
    case 'optedOut':
      return exclude('Consent', 'UserOptedOut')
    case 'denylist':
    case 'duplicate':
      return [{ status: outcome, at }]
    default:
      return outcome satisfies never
  }
}

function interactionsOf(dice: Dice, { channel }: MessageDefinition, from: number): Interaction[] {
  const later = () => from + dice.below(36 * 60) * minuteMs
  if (channel === 'sms') return []
  if (channel === 'push') {
    return dice.chance(buttonShare) ? [{ type: 'custom', at: later(), button: dice.pick(buttons) }] : []
  }
  if (!dice.chance(openShare)) return []
  const made: Interaction[] = [{ type: 'open', at: later() }]
  if (dice.chance(0.3)) made.push({ type: 'open', at: later() })
  if (dice.chance(clickShare)) made.push({ type: 'click', at: later() })
  if (dice.chance(unsubscribeShare)) made.push({ type: 'unsubscribe', at: later() })
  if (dice.chance(complaintShare)) made.push({ type: 'spam_complaint', at: later() })
  return made
}
