import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import type { CliHost, Output } from './host.ts'
import { createTerminal } from './terminal.ts'

test.each([
  [20, 'Loading  processing'],
  [0, 'Loading  processing, 1.1 s'],
  [undefined, 'Loading  processing, 1.1 s'],
])('progress fits into a terminal of %s columns', (columns, shown) => {
  let said = ''
  const sink = new Writable({
    write: (chunk, _, done) => {
      said += String(chunk)
      done()
    },
  })
  const stderr: Output = Object.assign(sink, { isTTY: true, ...(columns === undefined ? {} : { columns }) })
  createTerminal({ stdout: stderr, stderr, env: {} } as unknown as CliHost).progress(
    'Loading  processing, 1.1 s',
  )
  expect(said).toBe(`\r\u001B[2K${shown}`)
})
