import type { PrintedCall } from './entry.ts'

/** The engine's call with the FILTER and OVER that stood behind Spark's. */
export function aggregateCall({ filter, over }: PrintedCall, text: string): string {
  return `${text}${filter === undefined ? '' : ` FILTER (WHERE ${filter})`}${over}`
}

/** As `aggregateCall`, over the rows where the value is not NULL. */
export function nullsLeftOut(call: PrintedCall, value: string, text: string): string {
  const present = `${value} IS NOT NULL`
  return aggregateCall(
    { ...call, filter: call.filter === undefined ? present : `${call.filter} AND ${present}` },
    text,
  )
}
