import type { LandingZone } from '#exports/landing-zones.ts'

/** One request, once it is known whose it is. Keys begin with the sandbox's name and a slash. */
export interface LandingRequest {
  readonly zone: LandingZone
  readonly query: ReadonlyMap<string, string>
  readonly signal: AbortSignal
}
