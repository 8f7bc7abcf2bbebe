import { arrayType, integerType, intervalType, voidType, type DataType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { isIntegral, wider } from '#types/implicit-cast.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { elementOf } from './arrays-meet.ts'
import { toInstant, toWallClock } from './date-time-text.ts'
import { on, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'
import { onceEach } from './once-each.ts'

export const sequenceFunction: FunctionEntry = {
  ...scalar(
    'sequence',
    on(['any', 'any', 'any'], ([type = voidType]) => arrayType(type), sequence, {
      optional: 1,
      converts: sequenceTypes,
    }),
  ),
  remarks:
    'Whole numbers go by 1, dates and timestamps by a day; down when the end is before the start. A step that leads away from the end is an error.',
}

function sequenceTypes([start = voidType, end = voidType, step]: readonly DataType[]): readonly DataType[] {
  const type = wider(start, end)
  // Times and numbers have nothing in common.
  if (!type) return [voidType, voidType, ...(step ? [voidType] : [])]
  if (type.kind === 'date' || type.kind === 'timestamp' || type.kind === 'timestamp_ntz') {
    return [type, type, ...(step ? [step.kind === 'interval' ? step : intervalType] : [])]
  }
  const whole = step ? (wider(type, step) ?? voidType) : type
  const fits = isIntegral(whole) ? whole : whole.kind === 'void' ? integerType : voidType
  return [fits, fits, ...(step ? [fits] : [])]
}

function sequence(call: PrintedCall): string {
  const {
    values: [start = '', end = '', step],
    arguments: [, , wanted],
    type,
  } = call
  const element = elementOf(type)
  // The engine's series of wall-clock times knows no zones, as UTC does not need any.
  const plain = (text: string): string => (element.kind === 'timestamp' ? toWallClock(text) : text)
  const months = monthsOf(wanted)
  const series = onceEach(
    [plain(start), plain(end), ...(step === undefined ? [] : [step])],
    (start = '', end = '', step) =>
      months === undefined ? stepped(start, end, step, element) : monthly(start, end, months),
  )
  if (element.kind === 'timestamp') return `list_transform(${series}, lambda e: ${toInstant('e')})`
  return element.kind === 'timestamp_ntz' || element.kind === 'long'
    ? series
    : `CAST(${series} AS ${duckdbType(type)})`
}

function stepped(start: string, end: string, step: string | undefined, element: DataType): string {
  const series = `generate_series(${start}, ${end}, ${step ?? usualStep(start, end, element)})`
  if (step === undefined) return series
  if (isIntegral(element))
    return leading(start, end, { isForth: `${step} > 0`, isBack: `${step} < 0`, series })
  const next = `${start} + ${step}`
  return leading(start, end, { isForth: `${next} > ${start}`, isBack: `${next} < ${start}`, series })
}

/** Where the step does not lead to the end the engine's series is empty, and Spark's an error. */
function leading(
  start: string,
  end: string,
  { isForth, isBack, series }: { readonly isForth: string; readonly isBack: string; readonly series: string },
): string {
  return (
    `CASE WHEN ${start} = ${end} AND (${isForth}) IS NOT NULL THEN [${start}] ` +
    `WHEN (${start} < ${end} AND NOT (${isForth})) OR (${start} > ${end} AND NOT (${isBack})) ` +
    `THEN error('A step of a sequence leads from its start to its end.') ELSE ${series} END`
  )
}

function usualStep(start: string, end: string, element: DataType): string {
  const one = isIntegral(element) ? '1' : "INTERVAL '1' DAY"
  return `CASE WHEN ${start} <= ${end} THEN ${one} ELSE -${one} END`
}

/** How many months a step of nothing but months has. */
function monthsOf(step: BoundExpression | undefined): number | undefined {
  if (step?.kind !== 'literal' || step.type.kind !== 'interval') return undefined
  const [months = '0', days, micros] = String(step.value).split(' ')
  return months !== '0' && days === '0' && micros === '0' ? Number(months) : undefined
}

/** Each counted from the start: the engine's series would stay on the 29th behind a February. */
function monthly(start: string, end: string, months: number): string {
  const count = `date_diff('month', ${start}, ${end}) // ${months} + 1`
  const times = `list_transform(range(0, ${count}), lambda i: ${start} + to_months(CAST(i * ${months} AS INTEGER)))`
  const within = `list_filter(${times}, lambda e: e ${months > 0 ? '<=' : '>='} ${end})`
  const series = `CASE WHEN ${start} IS NOT NULL AND ${end} IS NOT NULL THEN ${within} END`
  return leading(start, end, { isForth: String(months > 0), isBack: String(months < 0), series })
}
