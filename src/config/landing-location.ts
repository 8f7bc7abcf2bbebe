import { AppError } from '#base/errors.ts'
import type { Config } from './config.ts'

/**
 * Whether the place of landing zones goes with that of the lake. Asked by the server alone: no other command needs it.
 * @throws AppError 'config.invalid'
 */
export function checkLandingLocation({ exports, lake }: Pick<Config, 'exports' | 'lake'>): void {
  if (exports.landingLocation === undefined) return
  if (lake.location === undefined) {
    throw new AppError('config.invalid', 'exports.landingLocation is set, and the lake is not on S3.', {
      hint: 'Set lake.location, too, or leave exports.landingLocation out: landing zones are in the home then.',
    })
  }
  if (bucketOf(exports.landingLocation) === bucketOf(lake.location)) {
    throw new AppError('config.invalid', 'exports.landingLocation is in the bucket of the lake.', {
      hint: 'Name another bucket: what is handed out and goes after seven days is kept apart from the tables.',
    })
  }
}

function bucketOf(location: string): string | undefined {
  return location.split('/')[2]
}
