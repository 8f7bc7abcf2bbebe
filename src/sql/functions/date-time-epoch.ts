import { dateType, integerType, longType, timestampType } from '#types/data-type.ts'
import { isIntegral } from '#types/implicit-cast.ts'
import { toInstant } from './date-time-text.ts'
import { on, once, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'

/** Numbers since 1970. */
export const dateTimeEpochFunctions: readonly FunctionEntry[] = [
  scalar('timestamp_seconds', on(['numeric'], timestampType, timeOfSeconds)),
  scalar('timestamp_millis', on(['long'], timestampType, toInstant('make_timestamp($1 * 1000)'))),
  scalar('timestamp_micros', on(['long'], timestampType, toInstant('make_timestamp($1)'))),
  scalar('unix_seconds', on(['timestamp'], longType, wholeOf(1_000_000))),
  scalar('unix_millis', on(['timestamp'], longType, wholeOf(1000))),
  scalar('unix_micros', on(['timestamp'], longType, 'epoch_us($1)')),
  scalar('unix_date', on(['date'], integerType, "CAST($1 - DATE '1970-01-01' AS INTEGER)")),
  scalar('date_from_unix_date', on(['integer'], dateType, "(DATE '1970-01-01' + $1)")),
]

/** So many microseconds each since 1970, rounded down: a double would not hold all digits. */
function wholeOf(micros: number): (call: PrintedCall) => string {
  return ({ values: [time = ''] }) =>
    once(
      `epoch_us(${time})`,
      (given) => `(${given} - (${given} % ${micros} + ${micros}) % ${micros}) // ${micros}`,
    )
}

function timeOfSeconds({ values: [seconds = ''], types: [type] }: PrintedCall): string {
  const exact = type?.kind === 'decimal' ? `CAST(${seconds} AS DECIMAL(38, 6))` : seconds
  const micros =
    type && isIntegral(type)
      ? `CAST(${seconds} AS BIGINT) * 1000000`
      : `TRY_CAST(trunc(${exact} * 1000000) AS BIGINT)`
  return toInstant(`make_timestamp(${micros})`)
}
