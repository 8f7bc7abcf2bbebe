import type { Field } from '#types/data-type.ts'
import type { ByteWriter } from './byte-writer.ts'
import type { MakeCells } from './cells.ts'
import type { Encoding } from './encoding.ts'
import { joinFields } from './join-rows.ts'
import { binaryCells } from './raw-binary.ts'
import { isoIntervalCells, textCells } from './raw-text.ts'
import { isComplex } from './text.ts'
import type { Batch } from './value.ts'

/** What writes the DataRow messages of a statement's batches, one a row. */
export function dataRows(
  columns: readonly Field[],
  { formats, intervals }: Pick<Extract<Encoding, { kind: 'postgres' }>, 'formats' | 'intervals'>,
): (writer: ByteWriter, batch: Batch) => void {
  const makers = fieldCells(columns, formats).map((make, column) =>
    intervals && formats[column] !== 1 && columns[column]?.type.kind === 'interval'
      ? isoIntervalCells(column)
      : make,
  )
  return (writer, batch) => {
    const { rowCount } = batch
    joinFields(writer, { type: 0x44, columns: makers.map((make) => make(batch)), rowCount })
  }
}

/** Of each column the cells in its format; complex values are text in both. */
export function fieldCells(columns: readonly Field[], formats: readonly (0 | 1)[]): readonly MakeCells[] {
  return columns.map(({ type }, column) =>
    formats[column] === 1 && !isComplex(type) ? binaryCells(column, type) : textCells(column, type),
  )
}
