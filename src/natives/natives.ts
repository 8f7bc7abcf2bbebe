import { charsetFunctions } from './charsets.ts'
import { cipherFunctions } from './ciphers.ts'
import { digestFunctions } from './digests.ts'
import { levenshteinFunctions } from './levenshtein.ts'
import type { NativeFunction } from './native.ts'
import { numberBitFunctions } from './number-bits.ts'
import { sketchFunctions } from './sketches/sketches.ts'
import { xxHashFunctions } from './xxhash.ts'
import { xpathFunctions } from './xml/xpath-functions.ts'

/** Every function that the engine's children run in JavaScript. */
export const nativeFunctions: readonly NativeFunction[] = [
  ...charsetFunctions,
  ...cipherFunctions,
  ...digestFunctions,
  ...levenshteinFunctions,
  ...numberBitFunctions,
  ...sketchFunctions,
  ...xpathFunctions,
  ...xxHashFunctions,
]
