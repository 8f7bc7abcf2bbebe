import { harmless } from './text.ts'

export interface Column {
  readonly title: string
  readonly isNumber?: boolean
}

/** For data of others; texts of ours are shown whole. */
export const dataCellWidthMax = 60

/** A cell as one harmless line; what is too wide ends in `…`. */
export function cell(text: string, widthMax = Number.POSITIVE_INFINITY): string {
  const plain = harmless(text)
  const characters = Array.from(plain)
  return characters.length <= widthMax ? plain : `${characters.slice(0, widthMax - 1).join('')}…`
}

/** Widths that fit the titles and these rows. */
export function columnWidths(columns: readonly Column[], rows: readonly (readonly string[])[]): number[] {
  return columns.map((column, index) =>
    Math.max(widthOf(column.title), ...rows.map((row) => widthOf(row[index] ?? ''))),
  )
}

export function headLines(columns: readonly Column[], widths: readonly number[]): string[] {
  return [
    rowLine(
      columns,
      widths,
      columns.map((column) => column.title),
    ),
    widths.map((width) => '─'.repeat(width)).join('  '),
  ]
}

/** One line of a table. */
export function rowLine(
  columns: readonly Column[],
  widths: readonly number[],
  row: readonly string[],
): string {
  return columns
    .map((column, index) => {
      const text = row[index] ?? ''
      const space = ' '.repeat(Math.max(0, (widths[index] ?? 0) - widthOf(text)))
      return column.isNumber ? space + text : text + space
    })
    .join('  ')
    .trimEnd()
}

/** A whole table, a line each. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const cells = rows.map((row) => row.map((text) => cell(text)))
  const widths = columnWidths(columns, cells)
  return [...headLines(columns, widths), ...cells.map((row) => rowLine(columns, widths, row))]
}

const widthOf = (text: string) => Array.from(text).length
