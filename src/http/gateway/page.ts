import { z } from 'zod'

/** Empty parameters (`limit=&start=`) count as absent: clients send them. */
export const absentWhenEmpty = (value: unknown) => (value === '' ? undefined : value)

export const limit = z
  .preprocess(absentWhenEmpty, z.coerce.number().int().min(1).max(100).default(20))
  .describe('Entries of a page, at most 100')

export const start = z
  .preprocess(absentWhenEmpty, z.coerce.number().int().min(0).default(0))
  .describe('Entries to skip')
