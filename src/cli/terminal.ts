import { once } from 'node:events'
import type { CliHost, Output } from './host.ts'
import { type Column, tableLines } from './table.ts'

/** Writes results on standard output and what is said meanwhile on standard error. */
export interface Terminal {
  /** A line of the result. */
  line(this: void, text?: string): void
  /** Result text as it is; resolves when there is room for more. */
  write(text: string | Uint8Array): Promise<void>
  table(columns: readonly Column[], rows: readonly (readonly string[])[]): void
  json(value: unknown): void
  /** A remark beside the result. */
  note(this: void, text: string): void
  /** One line that the next one replaces; only on a terminal. */
  progress(text: string): void
  readonly style: Style
}

type Paint = (text: string) => string

/** Colours where the output is a terminal, and nothing elsewhere. */
export type Style = Readonly<Record<'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan', Paint>>

export function createTerminal({ stdout, stderr, env }: CliHost): Terminal {
  let isProgressShown = false
  const clear = () => {
    if (isProgressShown) stderr.write('\r\u001B[2K')
    isProgressShown = false
  }
  const line = (text = '') => {
    clear()
    stdout.write(`${text}\n`)
  }
  return {
    line,
    write: async (text) => {
      clear()
      if (!stdout.write(text)) await once(stdout, 'drain')
    },
    table: (columns, rows) => {
      for (const text of tableLines(columns, rows)) line(text)
    },
    json: (value) => line(JSON.stringify(value, undefined, 2)),
    note: (text) => {
      clear()
      stderr.write(`${text}\n`)
    },
    progress: (text) => {
      if (!stderr.isTTY) return
      // A terminal whose size nobody knows says that it has no columns.
      const width = stderr.columns === undefined || stderr.columns === 0 ? 80 : stderr.columns
      stderr.write(`\r\u001B[2K${text.slice(0, width - 1)}`)
      isProgressShown = true
    },
    style: styleFor(stdout, env),
  }
}

export function styleFor(output: Output, env: CliHost['env']): Style {
  const isColoured = output.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
  const paint = (code: number) => (text: string) => (isColoured ? `\u001B[${code}m${text}\u001B[0m` : text)
  return {
    bold: paint(1),
    dim: paint(2),
    green: paint(32),
    red: paint(31),
    yellow: paint(33),
    cyan: paint(36),
  }
}
