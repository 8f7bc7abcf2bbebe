import { unreachable } from '#base/assert.ts'
import { cellText, type ResultColumn, type ResultEvent } from './sql-results.ts'
import { cell, type Column, columnWidths, dataCellWidthMax, headLines, rowLine } from './table.ts'
import type { Terminal } from './terminal.ts'
import { counted, harmless } from './text.ts'

export type ResultFormat = 'table' | 'csv' | 'json'

/** Takes what comes of statements and writes it as it comes. */
export type Printer = (event: ResultEvent) => Promise<void>

export function printerFor(format: ResultFormat, terminal: Terminal): Printer {
  switch (format) {
    case 'table':
      return tablePrinter(terminal)
    case 'csv':
      return csvPrinter(terminal)
    case 'json':
      return jsonPrinter(terminal)
    default:
      return unreachable(format)
  }
}

/** Widths are those of the first rows; later ones that are wider stand out. */
const measuredRows = 1_000

function tablePrinter(terminal: Terminal): Printer {
  let columns: readonly Column[] = []
  let widths: readonly number[] | undefined
  let waiting: string[][] = []
  const flush = async () => {
    if (widths === undefined) {
      widths = columnWidths(columns, waiting)
      await writeLines(terminal, headLines(columns, widths))
    }
    const fixed = widths
    await writeLines(
      terminal,
      waiting.map((row) => rowLine(columns, fixed, row)),
    )
    waiting = []
  }
  return async (event) => {
    switch (event.kind) {
      case 'columns':
        columns = event.columns.map(({ name, type }) => ({
          title: cell(name, dataCellWidthMax),
          isNumber: isNumber(type),
        }))
        widths = undefined
        return
      case 'row':
        waiting.push(event.values.map((value) => cell(cellText(value) ?? '', dataCellWidthMax)))
        if (waiting.length >= measuredRows) await flush()
        return
      case 'done':
        if (columns.length > 0) {
          await flush()
          await terminal.write(`${terminal.style.dim(`(${counted(event.rowCount ?? 0, 'row')})`)}\n`)
        } else await terminal.write(`${event.tag}\n`)
        columns = []
        return
      case 'notice':
        terminal.note(harmless(event.text))
    }
  }
}

async function writeLines(terminal: Terminal, lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await terminal.write(`${lines.join('\n')}\n`)
}

function isNumber(type: string): boolean {
  return (
    /^(?:tinyint|smallint|int|bigint|float|double|decimal)/.test(type) ||
    /^(?:byte|short|long|integer)$/.test(type)
  )
}

/** RFC 4180; NULL is an empty field, an empty text is `""`. */
function csvPrinter(terminal: Terminal): Printer {
  return async (event) => {
    if (event.kind === 'columns') await terminal.write(csvLine(event.columns.map((column) => column.name)))
    else if (event.kind === 'row') await terminal.write(csvLine(event.values.map(cellText)))
    else beside(event, terminal)
  }
}

function csvLine(fields: readonly (string | null)[]): string {
  const quoted = fields.map((field) => {
    if (field === null) return ''
    return field === '' || /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
  })
  return `${quoted.join(',')}\n`
}

function jsonPrinter(terminal: Terminal): Printer {
  let columns: readonly ResultColumn[] = []
  let isFirst = true
  return async (event) => {
    if (event.kind === 'columns') {
      columns = event.columns
      isFirst = true
      await terminal.write('[')
    } else if (event.kind === 'row') {
      const fields = event.values.map(
        (value, index) => `${JSON.stringify(columns[index]?.name ?? '')}:${JSON.stringify(value)}`,
      )
      await terminal.write(`${isFirst ? '\n' : ',\n'}  {${fields.join(',')}}`)
      isFirst = false
    } else if (event.kind === 'done' && columns.length > 0) {
      columns = []
      await terminal.write(isFirst ? ']\n' : '\n]\n')
    } else beside(event, terminal)
  }
}

/** What is no row goes to standard error: standard output stays data. */
function beside(event: ResultEvent, terminal: Terminal): void {
  if (event.kind === 'notice') terminal.note(harmless(event.text))
  else if (event.kind === 'done' && !event.tag.startsWith('SELECT')) terminal.note(event.tag)
}
