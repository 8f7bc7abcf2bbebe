import { dateTimeCurrentFunctions } from './date-time-current.ts'
import { dateTimeEpochFunctions } from './date-time-epoch.ts'
import { dateTimeFormatFunctions } from './date-time-format.ts'
import { dateTimeMakingFunctions } from './date-time-making.ts'
import { dateTimePartFunctions } from './date-time-parts.ts'
import { dateTimeShiftFunctions } from './date-time-shift.ts'
import { dateTimeTruncationFunctions } from './date-time-truncation.ts'
import { dateTimeUnitFunctions } from './date-time-units.ts'
import { dateTimeWindowFunctions } from './date-time-window.ts'
import { dateTimeZoneFunctions } from './date-time-zone.ts'
import type { FunctionEntry } from './entry.ts'

export const dateTimeFunctions: readonly FunctionEntry[] = [
  ...dateTimeCurrentFunctions,
  ...dateTimeShiftFunctions,
  ...dateTimeUnitFunctions,
  ...dateTimeTruncationFunctions,
  ...dateTimePartFunctions,
  ...dateTimeMakingFunctions,
  ...dateTimeEpochFunctions,
  ...dateTimeFormatFunctions,
  ...dateTimeZoneFunctions,
  ...dateTimeWindowFunctions,
]
