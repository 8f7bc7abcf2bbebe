import { bitmapFunctions } from './bitmap.ts'
import { charsetFunctions } from './charsets.ts'
import { cipherFunctions } from './ciphers.ts'
import { decimalFunctions } from './decimals.ts'
import { digestFunctions } from './digests.ts'
import { histogramFunctions } from './histogram.ts'
import { lenientJsonFunctions } from './json/lenient-json.ts'
import { levenshteinFunctions } from './levenshtein.ts'
import { type NativeFunction, unbounded } from './native.ts'
import { numberBitFunctions } from './number-bits.ts'
import { sketchFunctions } from './sketches/sketches.ts'
import { regexFunctions } from './regex/regex-functions.ts'
import { textFunctions } from './text/text-functions.ts'
import { timeFunctions } from './time/time-functions.ts'
import { xxHashFunctions } from './xxhash.ts'
import { xpathFunctions } from './xml/xpath-functions.ts'

/** How all their names begin. */
export const nativePrefix = 'native_'

/** Every function that the engine's children run in JavaScript. */
export const nativeFunctions: readonly NativeFunction[] = [
  ...bitmapFunctions,
  ...charsetFunctions,
  ...cipherFunctions,
  ...decimalFunctions,
  ...digestFunctions,
  ...numberBitFunctions,
  ...sketchFunctions,
  ...textFunctions,
  ...xxHashFunctions,
  ...unbounded([
    ...histogramFunctions,
    ...lenientJsonFunctions,
    ...levenshteinFunctions,
    ...regexFunctions,
    ...timeFunctions,
    ...xpathFunctions,
  ]),
]
