import { z } from 'zod'
import type { QueryRequest } from '../background.ts'

const dataset = { datasetName: z.string() }

/** A request as it is kept: what was asked for, whatever became of it. */
const storedRequest = z.object({
  name: z.string().optional(),
  description: z.string().optional(),
  database: z.string().default('all'),
  sql: z.string().optional(),
  templateId: z.string().optional(),
  parameters: z.record(z.string(), z.string()).default({}),
  ctas: z
    .object({ ...dataset, description: z.string().optional(), targetSchemaTitle: z.string().optional() })
    .optional(),
  insertInto: z.object(dataset).optional(),
})

export function readRequest(stored: unknown): QueryRequest {
  return storedRequest.parse(stored)
}
