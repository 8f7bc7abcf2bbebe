import { arrayType, doubleType, structType, type DataType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { nullsLeftOut } from './aggregate-call.ts'
import type { PrintedCall } from './entry.ts'
import { onceEach } from './once-each.ts'

/** Of one group: they stand in the memory of JavaScript together. */
const valuesMax = 5_000_000
const tooMany = `histogram_numeric takes at most ${valuesMax} values of a group: take a sample of them, or fewer.`

/** The middle of each bin in the type of the values, and how many are in it. */
export function histogramType([type = doubleType]: readonly DataType[]): DataType {
  return arrayType(
    structType([
      { name: 'x', type },
      { name: 'y', type: doubleType },
    ]),
  )
}

/** Bins are merged as values come, in the order of the rows. */
export function histogram(printed: PrintedCall): string {
  const [value = '', most = '2'] = printed.values
  const [type = doubleType] = printed.types
  const number = printed.cast(value, type, doubleType)
  const values = onceEach(
    [nullsLeftOut(printed, value, `list(${number})`)],
    (list = '') => `CASE WHEN len(${list}) > ${valuesMax} THEN error('${tooMany}') ELSE ${list} END`,
  )
  const bins = `native_histogram(${values}, ${most})`
  const member = printed.cast('b[1]', doubleType, type)
  const pairs = `list_transform(${bins}, lambda b: struct_pack(x := ${member}, y := b[2]))`
  return `CAST(${pairs} AS ${duckdbType(printed.type)})`
}
