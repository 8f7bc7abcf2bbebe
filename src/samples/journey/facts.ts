import type { Person } from './person.ts'
import type { Journey, JourneyNode, MessageDefinition, offers } from './world.ts'

/** What happens in the invented company. Rows are made of these, and the truth is reckoned from them, each on its own. */
export type Fact = Delivery | Step | Discard | Refusal | ExportJob | Decision | Sight

export interface Feedback {
  readonly status:
    | 'sent'
    | 'delivered'
    | 'bounce'
    | 'delay'
    | 'error'
    | 'exclude'
    | 'denylist'
    | 'duplicate'
    | 'out_of_band'
  readonly at: number
  readonly failure?: Failure
  readonly exclusion?: { readonly code: string; readonly reason: string }
  readonly retries?: number
}

export interface Failure {
  readonly reason: string
  readonly code: string
  readonly type: 'Hard' | 'Soft'
  readonly category: 'sync' | 'async'
}

export interface Interaction {
  readonly type: 'open' | 'click' | 'unsubscribe' | 'spam_complaint' | 'custom'
  readonly at: number
  /** Of a push message's button. */
  readonly button?: string
}

/** A message to one person with everything that came of it. */
export interface Delivery {
  readonly kind: 'delivery'
  readonly id: string
  readonly message: MessageDefinition
  readonly person: Person
  readonly instanceId?: string
  readonly batchInstanceId?: string
  readonly feedback: readonly Feedback[]
  readonly interactions: readonly Interaction[]
  /** When its copy went out. */
  readonly copyAt?: number
}

export interface Step {
  readonly kind: 'step'
  readonly id: string
  readonly journey: Journey
  readonly node: JourneyNode
  readonly person: Person
  readonly at: number
  readonly instanceId: string
  readonly batchInstanceId?: string
  readonly status: 'transitions' | 'endStep' | 'error' | 'timedOut' | 'cappingError'
  readonly isEntrance: boolean
  readonly isReentrance: boolean
  readonly hasEnded: boolean
  readonly eventId: string
  /** Which the profile came from. */
  readonly parent?: Pick<Step, 'id' | 'node'>
  readonly problem?: Problem
}

/** What went wrong in a step, in the words of the step events. */
export interface Problem {
  readonly error?: string
  readonly errorCode?: string
  readonly originError?: string
  readonly originCode?: string
  readonly fetchError?: string
  readonly fetchErrorCode?: string
}

/** The dispatcher drops an event. */
export interface Discard {
  readonly kind: 'discard'
  readonly id: string
  readonly person: Person
  readonly journey: Journey
  readonly at: number
  readonly type: string
  readonly reason?: 'CAP_REACHED' | 'LOWER_PRIORITY'
  readonly ruleset?: { readonly name: string; readonly rules: readonly string[] }
}

/** The state machine refuses an entry. */
export interface Refusal {
  readonly kind: 'refusal'
  readonly id: string
  readonly person: Person
  readonly journey: Journey
  readonly at: number
  readonly code: string
}

/** A state of the export of an audience, or one profile that it could not export. */
export interface ExportJob {
  readonly kind: 'export-job'
  readonly id: string
  readonly jobId: string
  readonly at: number
  readonly status: 'queued' | 'started' | 'finished'
  readonly code?: string
  readonly person?: Person
  readonly counts?: { readonly total: number; readonly realized: number; readonly failed: number }
}

export interface Decision {
  readonly kind: 'decision'
  readonly id: string
  readonly person: Person
  readonly at: number
  /** None: the fallback. */
  readonly offers: readonly (typeof offers)[number][]
}

/** Something shown on the web or in the app, or a reaction to it. */
export interface Sight {
  readonly kind: 'sight'
  readonly id: string
  readonly person: Person
  readonly at: number
  readonly type: 'display' | 'interact'
  readonly surface: 'web' | 'app'
}
