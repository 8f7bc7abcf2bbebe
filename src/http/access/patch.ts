import { z } from 'zod'
import type { PatchOperation } from '#access/administration.ts'

const operationsMax = 100

const operation = z.looseObject({
  op: z
    .string()
    .transform((text) => text.toLowerCase())
    .pipe(z.enum(['add', 'replace', 'remove'])),
  path: z.string().min(1).max(1_000),
  value: z.unknown().optional(),
})

/** Clients send a list of operations, one alone, or `{"operations":[…]}`. */
export const patchBody = z.union([
  z.array(operation).min(1).max(operationsMax),
  z.looseObject({ operations: z.array(operation).min(1).max(operationsMax) }),
  operation,
])

export function operationsOf(body: z.infer<typeof patchBody>): readonly PatchOperation[] {
  if (Array.isArray(body)) return body
  return 'operations' in body && Array.isArray(body.operations)
    ? (body.operations as PatchOperation[])
    : [body as PatchOperation]
}
