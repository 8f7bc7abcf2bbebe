import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { Secret } from '#config/secret.ts'
import type { Logger } from './log.ts'
import { createLogger, type LoggerOptions } from './stderr-logger.ts'

function written(options: Partial<LoggerOptions>, act: (logger: Logger) => void): string {
  const stream = new PassThrough()
  act(createLogger({ level: 'info', format: 'json', stream, now: () => new Date(0), ...options }))
  return String(stream.read() ?? '')
}

test('an event is one line of JSON with its own and its parents’ fields', () => {
  const line = written({}, (logger) =>
    logger.child({ run: 'r1' }).log('warn', 'run.late', { rows: 12n, note: 'two\nlines' }),
  )
  expect(line.endsWith('\n') && line.indexOf('\n') === line.length - 1).toBe(true)
  expect(JSON.parse(line)).toEqual({
    at: '1970-01-01T00:00:00.000Z',
    level: 'warn',
    event: 'run.late',
    run: 'r1',
    rows: '12',
    note: 'two\nlines',
  })
})

test('events below the level are not written', () => {
  expect(written({ level: 'warn' }, (logger) => logger.log('info', 'quiet'))).toBe('')
})

test('secrets are masked by type and by name, at any depth', () => {
  const line = written({}, (logger) =>
    logger.log('info', 'x', {
      url: new Secret('s3cret-1'),
      client: { clientSecret: 's3cret-2' },
      accessToken: 's3cret-3',
    }),
  )
  expect(line).toContain('***')
  expect(line).not.toContain('s3cret')
})

test('an error is written with its code, its causes and no endless circle', () => {
  const inner = new Error('inner')
  const outer = Object.assign(new Error('outer', { cause: inner }), { code: 'X1' })
  inner.cause = outer
  const entry = JSON.parse(written({}, (logger) => logger.log('error', 'x', { error: outer })))
  expect(entry.error).toMatchObject({ message: 'outer', code: 'X1', cause: { message: 'inner' } })
})

test('the readable form is one line a person can read', () => {
  expect(
    written({ format: 'text' }, (logger) => logger.log('info', 'load.done', { rows: 3, file: 'a b.csv' })),
  ).toBe('00:00:00.000 info  load.done rows=3 file="a b.csv"\n')
})
