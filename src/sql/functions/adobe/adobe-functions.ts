import type { FunctionEntry } from '../entry.ts'
import { attributionFunctions } from './attribution.ts'
import { pathFunctions } from './paths.ts'
import { sessionFunctions } from './sessions.ts'
import { timeBetweenFunctions } from './time-between.ts'

/**
 * The Adobe-defined functions: sessions, attribution, paths, time between events. All compute over a window.
 * @see https://experienceleague.adobe.com/en/docs/experience-platform/query/sql/adobe-defined-functions
 */
export const adobeFunctions: readonly FunctionEntry[] = [
  ...sessionFunctions,
  ...attributionFunctions,
  ...pathFunctions,
  ...timeBetweenFunctions,
]
