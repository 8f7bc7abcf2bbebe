import { z } from 'zod'

/**
 * `full`: all rows of the snapshot; `increment`: those committed after the previous delivery's; `window`: those of a
 * range of record times, which were in the table when it was asked for.
 */
export const deliveredContent = z.enum(['full', 'increment', 'window'])

export type DeliveredContent = z.infer<typeof deliveredContent>
