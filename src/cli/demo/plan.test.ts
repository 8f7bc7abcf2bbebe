import { expect, test } from 'vitest'
import { daysBefore, planDemo } from './plan.ts'

test('the newest event comes to the day before today, the last three weeks are the second batch', () => {
  const plan = planDemo(
    { oldestAt: new Date('2020-11-01T00:03:15Z'), newestAt: new Date('2021-01-31T23:58:58Z') },
    new Date('2026-11-24T15:00:00Z'),
  )
  expect(plan).toEqual({
    shiftDays: 2122,
    firstDay: '2026-08-24',
    boundaryDay: '2026-11-03',
    lastDay: '2026-11-23',
    endDay: '2026-11-24',
  })
  expect(daysBefore(plan.endDay, 21)).toBe(plan.boundaryDay)
})
