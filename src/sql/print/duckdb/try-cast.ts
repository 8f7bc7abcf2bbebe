import type { DataType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { isFractional, isIntegral } from '#types/implicit-cast.ts'
import { castText } from './cast.ts'

/** As `castText`, but NULL where a whole number would wrap, a double saturate or a text lose its fraction. */
export function tryCastText(text: string, from: DataType, to: DataType): string {
  return onlyWhatFits(text, from, to) ?? castText(text, from, to, tryCastText)
}

function onlyWhatFits(text: string, from: DataType, to: DataType): string | undefined {
  // A decimal is written out, where CAST would write it with an exponent.
  if (from.kind === 'decimal' && to.kind === 'string') {
    return `regexp_replace(CAST(${text} AS VARCHAR), '^(-?)\\.', '\\10.')`
  }
  if (!isIntegral(to)) return undefined
  const target = duckdbType(to)
  if (from.kind === 'string') {
    return `TRY_CAST(regexp_extract(${text}, '^\\s*([+-]?\\d+)\\s*$', 1) AS ${target})`
  }
  if (isIntegral(from)) return `TRY_CAST(${text} AS ${target})`
  return isFractional(from) || from.kind === 'decimal' ? `TRY_CAST(trunc(${text}) AS ${target})` : undefined
}
