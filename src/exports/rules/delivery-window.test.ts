import { expect, test } from 'vitest'
import { closesAt, deliveryWindow, latestFinishAfter, opensAt } from './delivery-window.ts'

const window = (change: object = {}) =>
  deliveryWindow.parse({
    days: ['mon', 'tue', 'wed', 'thu', 'fri'],
    from: '02:00',
    to: '05:00',
    timeZone: 'Europe/Berlin',
    ...change,
  })

test.each([
  ['open in winter', {}, '2026-01-07T01:30:00Z', undefined],
  ['before it opens in winter', {}, '2026-01-07T00:30:00Z', '2026-01-07T01:00:00.000Z'],
  ['open in summer, an hour earlier', {}, '2026-07-07T00:30:00Z', undefined],
  ['after it closed', {}, '2026-07-07T03:00:00Z', '2026-07-08T00:00:00.000Z'],
  ['at the end of the week', {}, '2026-07-10T04:00:00Z', '2026-07-13T00:00:00.000Z'],
  [
    'a day that is blacked out',
    { blackoutDates: ['2026-07-08'] },
    '2026-07-07T03:00:00Z',
    '2026-07-09T00:00:00.000Z',
  ],
  [
    'a day that is blacked out, and into which the one before would go on',
    { from: '22:00', to: '04:00', blackoutDates: ['2026-07-08'] },
    '2026-07-07T23:00:00Z',
    '2026-07-09T20:00:00.000Z',
  ],
  [
    'one that summer time skips whole',
    { days: ['sat', 'sun'], from: '02:15', to: '02:45' },
    '2026-03-28T12:00:00Z',
    '2026-04-04T00:15:00.000Z',
  ],
  [
    'one that comes twice, between',
    { days: ['sun'], from: '02:15', to: '02:45' },
    '2026-10-25T01:00:00Z',
    '2026-10-25T01:15:00.000Z',
  ],
  ['across midnight, before it', { from: '22:00', to: '04:00' }, '2026-07-06T21:00:00Z', undefined],
  [
    'across midnight, on Saturday by Friday',
    { from: '22:00', to: '04:00' },
    '2026-07-11T01:00:00Z',
    undefined,
  ],
  [
    'across midnight, not on Monday by Sunday',
    { from: '22:00', to: '04:00' },
    '2026-07-06T01:00:00Z',
    '2026-07-06T20:00:00.000Z',
  ],
  [
    'the hour that summer time skips',
    { days: ['sun'], from: '02:30', to: '05:00' },
    '2026-03-29T00:00:00Z',
    '2026-03-29T01:00:00.000Z',
  ],
  [
    'the hour that comes twice, the first time',
    { days: ['sun'], from: '02:30', to: '05:00' },
    '2026-10-25T00:00:00Z',
    '2026-10-25T00:30:00.000Z',
  ],
  [
    'quarters of hours',
    { timeZone: 'Asia/Kathmandu', from: '09:10', to: '10:00' },
    '2026-07-06T00:00:00Z',
    '2026-07-06T03:25:00.000Z',
  ],
])('a window is minded: %s', (_what, change, now, opening) => {
  const at = opensAt(window(change), new Date(now))
  expect(at instanceof Date ? at.toISOString() : at).toBe(opening)
})

test('one whose every day is blacked out never opens', () => {
  const blackoutDates = Array.from({ length: 500 }, (_, day) =>
    new Date(Date.parse('2026-01-01') + day * 86_400_000).toISOString().slice(0, 10),
  )
  expect(opensAt(window({ blackoutDates }), new Date('2026-01-02T12:00:00Z'))).toBe('never')
  expect(() => window({ timeZone: 'Mars/Olympus' })).toThrow('time zone')
})

test.each([
  ['on its day', {}, '2026-01-07T01:30:00Z', '2026-01-07T04:00:00.000Z'],
  ['across midnight', { from: '22:00', to: '04:00' }, '2026-07-06T21:00:00Z', '2026-07-07T02:00:00.000Z'],
  ['after midnight', { from: '22:00', to: '04:00' }, '2026-07-11T01:00:00Z', '2026-07-11T02:00:00.000Z'],
  ['not where the next follows', { from: '04:00', to: '04:00' }, '2026-07-06T03:00:00Z', undefined],
  [
    'after the last in a row',
    { from: '04:00', to: '04:00' },
    '2026-07-09T03:00:00Z',
    '2026-07-11T02:00:00.000Z',
  ],
  [
    'when a day begins that is blacked out',
    { from: '22:00', to: '04:00', blackoutDates: ['2026-07-08'] },
    '2026-07-07T21:00:00Z',
    '2026-07-07T22:00:00.000Z',
  ],
  [
    'within the half hour that is skipped on Lord Howe Island',
    { days: ['sun'], from: '01:30', to: '02:10', timeZone: 'Australia/Lord_Howe' },
    '2026-10-03T15:05:00Z',
    '2026-10-03T15:30:00.000Z',
  ],
  ['at the end of a day', { to: '24:00' }, '2026-07-06T03:00:00Z', '2026-07-06T22:00:00.000Z'],
  [
    'the hour that summer time skips',
    { days: ['sun'], from: '01:00', to: '02:30' },
    '2026-03-29T00:15:00Z',
    '2026-03-29T01:00:00.000Z',
  ],
  [
    'the hour that comes twice, the first time',
    { days: ['sun'], from: '01:00', to: '02:30' },
    '2026-10-25T00:15:00Z',
    '2026-10-25T00:30:00.000Z',
  ],
  [
    'and the second time',
    { days: ['sun'], from: '01:00', to: '02:30' },
    '2026-10-25T01:15:00Z',
    '2026-10-25T01:30:00.000Z',
  ],
])('an open window closes: %s', (_what, change, now, closing) => {
  expect(opensAt(window(change), new Date(now))).toBeUndefined()
  expect(closesAt(window(change), new Date(now))?.toISOString()).toBe(closing)
})

test.each([
  ['by the end where nothing is said', {}, '2026-07-07T03:00:00Z', '2026-07-08T03:00:00.000Z'],
  [
    'before a day that is blacked out',
    { from: '22:00', to: '04:00', blackoutDates: ['2026-07-08'] },
    '2026-07-07T20:30:00Z',
    '2026-07-07T22:00:00.000Z',
  ],
  ['earlier', { latestFinish: '04:30' }, '2026-07-07T02:00:00Z', '2026-07-07T02:30:00.000Z'],
  [
    'of the next window, when it has passed',
    { latestFinish: '04:30' },
    '2026-07-07T02:30:00Z',
    '2026-07-08T02:30:00.000Z',
  ],
  ['after the end', { latestFinish: '06:00' }, '2026-07-07T03:30:00Z', '2026-07-07T04:00:00.000Z'],
  [
    'across midnight',
    { from: '22:00', to: '23:00', latestFinish: '01:00' },
    '2026-07-10T22:30:00Z',
    '2026-07-10T23:00:00.000Z',
  ],
])('what is due must be delivered in time: %s', (_what, change, due, latest) => {
  expect(latestFinishAfter(window(change), new Date(due))?.toISOString()).toBe(latest)
})
