import { expect, test } from 'vitest'
import { fc } from '../../../test/support/fast-check.ts'
import { deliveryWindow, latestFinishAfter } from './delivery-window.ts'
import { latestFinishesOf } from './latest-finishes.ts'

const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
const times = fc.constantFrom('00:00', '00:30', '01:30', '02:00', '02:30', '12:00', '23:59')
const windows = fc
  .record({
    days: fc.uniqueArray(fc.constantFrom(...days), { minLength: 1 }),
    from: times,
    to: fc.oneof(times, fc.constant('24:00')),
    latestFinish: fc.option(times, { nil: undefined }),
    timeZone: fc.constantFrom(
      'UTC',
      'Europe/Berlin',
      'Australia/Lord_Howe',
      'America/St_Johns',
      'Pacific/Apia',
    ),
    blackoutDates: fc.constantFrom([], ['2026-03-29', '2026-10-25']),
  })
  .map((window) => deliveryWindow.parse(window))
/** Around changes of the clocks, by steps of anything from a second to two days. */
const moments = fc
  .tuple(
    fc.constantFrom('2026-03-27T23:00:30Z', '2026-10-24T22:00:00Z', '2026-04-04T12:00:00Z'),
    fc.array(fc.oneof(fc.integer({ min: -60, max: 3_600 }), fc.integer({ min: 3_600, max: 172_800 })), {
      maxLength: 12,
    }),
  )
  .map(([start, steps]) => {
    let ms = Date.parse(start)
    return [0, ...steps].map((step) => new Date((ms += step * 1_000)))
  })

test('what is remembered of one moment is what each would have found by itself', () => {
  fc.assert(
    fc.property(windows, moments, (window, all) => {
      const finishAfter = latestFinishesOf(window)
      for (const due of all) expect(finishAfter(due)).toEqual(latestFinishAfter(window, due))
    }),
    { numRuns: 60 },
  )
})
