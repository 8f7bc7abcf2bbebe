import type { Discard } from './facts.ts'

type Kind = Pick<Discard, 'type' | 'reason' | 'ruleset'>

/** All reasons for which the dispatcher drops an event. */
export const everyDiscard: readonly [Kind, ...Kind[]] = [
  { type: 'quietHours' },
  { type: 'forcedDiscardDueToQuietHours' },
  { type: 'EVENT_WITH_NO_JOURNEY' },
  { type: 'ERROR_SERVICE_INTERNAL' },
  { type: 'ERROR_SEGMENT_REALISATION_CONDITION_MISMATCH' },
  {
    type: 'businessRuleCapping',
    reason: 'CAP_REACHED',
    ruleset: { name: 'Three a week', rules: ['Three mails a week', 'One mail a day'] },
  },
  {
    type: 'businessRuleArbitration',
    reason: 'LOWER_PRIORITY',
    ruleset: { name: 'One journey at a time', rules: ['Highest priority wins'] },
  },
]

/** Codes of profiles that an audience's export could not take along. */
export const exportFailures: readonly [string, ...string[]] = [
  'ERROR_INSTANCE_DUPLICATION',
  'ERROR_INSTANCE_BAD_NAMESPACE',
  'ERROR_INSTANCE_NO_IDENTITY_MAP',
  'ERROR_INSTANCE_NOT_A_TEST_PROFILE',
  'ERROR_INSTANCE_INTERNAL',
]

export function discardOf(kind: Kind, where: Pick<Discard, 'id' | 'person' | 'journey' | 'at'>): Discard {
  return { kind: 'discard', ...where, ...kind }
}
