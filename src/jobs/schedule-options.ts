import { z } from 'zod'
import type { Schedule } from './jobs.ts'

/** What a schedule's row says of the runs it makes. */
const storedOptions = z.object({
  priority: z.int().optional(),
  lane: z.object({ name: z.string(), runsMax: z.int().positive().optional() }).optional(),
  shares: z.array(z.object({ subjectId: z.string(), payload: z.record(z.string(), z.unknown()) })).optional(),
  isCoalesced: z.boolean().optional(),
})

type Options = Pick<Schedule, 'priority' | 'lane' | 'shares' | 'isCoalesced'>

export function readOptions(stored: unknown): Options {
  return storedOptions.parse(stored) as Options // Absent stays absent: what is stored has no undefined.
}

export function writeOptions(schedule: Options): string {
  return JSON.stringify(storedOptions.parse(schedule))
}
