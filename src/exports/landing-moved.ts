import { AppError } from '#base/errors.ts'
import { locationOf } from '#objects/location.ts'
import type { StoreConfig } from '#objects/open-store.ts'

/** A delivery was planned to a landing zone that exports.landingLocation says is elsewhere now. */
export function landingMoved(target: StoreConfig): AppError {
  return new AppError('flow.unknown', `The landing zone is not at ${locationOf(target)} any more.`, {
    hint: 'exports.landingLocation was changed since the delivery was planned. A new run delivers to where it is now.',
  })
}
