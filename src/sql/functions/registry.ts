import { adobeFunctions } from './adobe/adobe-functions.ts'
import { aggregateFunctions } from './aggregates.ts'
import { percentileFunctions } from './aggregates-percentiles.ts'
import { statisticsFunctions } from './aggregates-statistics.ts'
import { arrayFunctions } from './arrays.ts'
import { bitmapFunctions } from './bitmaps.ts'
import { comparisonFunctions } from './comparison.ts'
import { conditionalFunctions } from './conditional.ts'
import { conversionFunctions } from './conversion.ts'
import { csvFunctions } from './conversion-csv.ts'
import { csvReadFunctions } from './conversion-csv-read.ts'
import { numberTextFunctions } from './conversion-number.ts'
import { dateTimeFunctions } from './date-time.ts'
import { elementFunctions } from './elements.ts'
import { encryptionFunctions } from './encryption.ts'
import type { FunctionEntry } from './entry.ts'
import { generatorFunctions } from './generators.ts'
import { postgresGenerators } from './generators-postgres.ts'
import { hashFunctions } from './hashes.ts'
import { higherOrderFunctions } from './higher-order.ts'
import { jsonFunctions } from './json.ts'
import { mapField } from './map-field.ts'
import { mapFunctions } from './maps.ts'
import { mathFunctions } from './math.ts'
import { randomFunctions } from './math-random.ts'
import { mathRoundingFunctions } from './math-rounding.ts'
import { operatorFunctions } from './operators.ts'
import { extractFunctions } from './operators-extract.ts'
import { tryOperatorFunctions } from './operators-try.ts'
import { patternFunctions } from './patterns.ts'
import { postgresNames } from './postgres-names.ts'
import { rangeFunctions } from './range.ts'
import { rankingFunctions } from './ranking.ts'
import { sessionFunctions } from './session.ts'
import { sketchFunctions } from './sketches.ts'
import { stringFunctions } from './strings.ts'
import { stringPartFunctions } from './strings-parts.ts'
import { urlFunctions } from './strings-url.ts'
import { utf8Functions } from './strings-utf8.ts'
import { structFunctions } from './structs.ts'
import { xmlFunctions } from './xml.ts'

/** Every function of the dialect, by topic. A name stands once. */
export const functionEntries: readonly FunctionEntry[] = [
  mapField,
  ...adobeFunctions,
  ...operatorFunctions,
  ...extractFunctions,
  ...comparisonFunctions,
  ...conditionalFunctions,
  ...elementFunctions,
  ...mathFunctions,
  ...mathRoundingFunctions,
  ...randomFunctions,
  ...stringFunctions,
  ...stringPartFunctions,
  ...patternFunctions,
  ...hashFunctions,
  ...conversionFunctions,
  ...dateTimeFunctions,
  ...arrayFunctions,
  ...mapFunctions,
  ...structFunctions,
  ...higherOrderFunctions,
  ...jsonFunctions,
  ...generatorFunctions,
  ...postgresGenerators,
  ...rangeFunctions,
  ...sessionFunctions,
  ...urlFunctions,
  ...utf8Functions,
  ...tryOperatorFunctions,
  ...bitmapFunctions,
  ...csvFunctions,
  ...csvReadFunctions,
  ...numberTextFunctions,
  ...postgresNames,
  ...aggregateFunctions,
  ...statisticsFunctions,
  ...percentileFunctions,
  ...rankingFunctions,
  ...sketchFunctions,
  ...encryptionFunctions,
  ...xmlFunctions,
]

const byName = new Map(functionEntries.flatMap((entry) => entry.names.map((name) => [name, entry] as const)))

/** The function of that name, upper or lower case. */
export function findFunction(name: string): FunctionEntry | undefined {
  return byName.get(name.toLowerCase())
}

/** Names to suggest from: words only, no operators. */
export const functionNames: readonly string[] = [...byName.keys()].filter((name) => /^[a-z]/.test(name))
