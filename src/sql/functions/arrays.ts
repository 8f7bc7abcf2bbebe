import { arraySetFunctions } from './arrays-sets.ts'
import { arraySortFunctions } from './arrays-sort.ts'
import { arrayPartFunctions } from './arrays-parts.ts'
import { arrayMakingFunctions } from './arrays-making.ts'
import type { FunctionEntry } from './entry.ts'

export const arrayFunctions: readonly FunctionEntry[] = [
  ...arrayMakingFunctions,
  ...arrayPartFunctions,
  ...arraySetFunctions,
  ...arraySortFunctions,
]
