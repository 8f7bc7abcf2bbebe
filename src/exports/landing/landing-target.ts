import { join } from 'node:path'
import { AppError } from '#base/errors.ts'
import { liesIn } from '#base/real-path.ts'
import { locationOf, type Target } from '../destinations/target.ts'

/** The folder of a home that zones are in where no bucket is. */
export function landingFolder(home: string): string {
  return join(home, 'landing')
}

/** Wherever zones are now: no other destination is in our home. */
export function isLandingTarget(home: string, target: Target): boolean {
  return target.kind === 'landing' || (target.kind === 'local' && liesIn(target.folder, landingFolder(home)))
}

/** A setting that was changed by mistake can be changed back: till then the place is as one that does not answer. */
export function landingMoved(target: Target): AppError {
  return new AppError('store.unreachable', `The landing zone is not at ${locationOf(target)} now.`, {
    hint: 'exports.landingLocation was changed since the delivery was planned: change it back, or cancel the run; the next one goes to where the zone is now.',
  })
}
