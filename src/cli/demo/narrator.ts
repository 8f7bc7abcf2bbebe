import type { CliHost } from '../host.ts'
import { type Column, tableLines } from '../table.ts'
import { createTerminal, type Terminal } from '../terminal.ts'
import { span } from '../text.ts'

const margin = '   '
const labelWidth = 34
const figureWidth = 9

/** Tells the demo, step by step. */
export interface Narrator {
  readonly terminal: Terminal
  /** Says the title, does the work, says how long it took. */
  step<T>(this: void, number: number, title: string, work: () => Promise<T>): Promise<T>
  readonly text: (text?: string) => void
  figure(label: string, value: string, remark?: string): void
  /** NULL is an empty cell. */
  readonly table: (columns: readonly Column[], rows: readonly (readonly unknown[])[]) => void
}

export function createNarrator(host: CliHost): Narrator {
  const terminal = createTerminal(host)
  const { bold, cyan, dim } = terminal.style
  return {
    terminal,
    step: async (number, title, work) => {
      terminal.line()
      terminal.line(`${bold(cyan(String(number)))}  ${bold(title)}`)
      const startedAt = performance.now()
      const result = await work()
      terminal.line(`${margin}${dim(span(performance.now() - startedAt))}`)
      return result
    },
    text: (text = '') => terminal.line(`${margin}${text}`.trimEnd()),
    figure: (label, value, remark = '') =>
      terminal.line(
        `${margin}${label.padEnd(labelWidth)} ${value.padStart(figureWidth)}  ${dim(remark)}`.trimEnd(),
      ),
    table: (columns, rows) => {
      for (const line of tableLines(columns, rows.map(cells))) terminal.line(margin + line)
    },
  }
}

function cells(row: readonly unknown[]): string[] {
  return row.map((value) => (typeof value === 'string' || typeof value === 'number' ? String(value) : ''))
}
