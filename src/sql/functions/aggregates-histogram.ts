import { arrayType, doubleType, structType, type DataType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { nullsLeftOut } from './aggregate-call.ts'
import type { PrintedCall } from './entry.ts'

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
  const bins = `native_histogram(${nullsLeftOut(printed, value, `list(${number})`)}, ${most})`
  const member = printed.cast('b[1]', doubleType, type)
  const pairs = `list_transform(${bins}, lambda b: struct_pack(x := ${member}, y := b[2]))`
  return `CAST(${pairs} AS ${duckdbType(printed.type)})`
}
