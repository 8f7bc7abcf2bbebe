import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { deliveryWindow } from './delivery-window.ts'

const datasetIds = z
  .array(z.string().regex(/^[0-9a-f]{24}$/, 'is the id of a dataset'))
  .min(1)
  .max(1_000)
const count = z.int().nonnegative()

/**
 * What an administrator says of exports in a sandbox. Each rule that fits must hold; a place fits `destinations` when it
 * begins with one of them, as runs name it: `s3://bucket/`, `/srv/out/`.
 */
export const exportRule = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('destinations'),
    /** Absent: of all datasets. */
    datasetIds: datasetIds.optional(),
    /** Absent: for everybody; else for members of these roles. */
    roleIds: z.array(z.uuid()).min(1).max(100).optional(),
    allowed: z.array(z.string().min(1).max(1_000)).max(100),
    /**
     * Servers that accounts may name instead of the vendor's own: a bucket of an allowed name can be at any. Absent: all.
     */
    endpoints: z
      .array(z.url({ protocol: /^https?$/ }))
      .max(100)
      .optional(),
  }),
  z.strictObject({
    kind: z.literal('quota'),
    datasetIds: datasetIds.optional(),
    /** Absent: of everybody; else of members of these roles, and of these groups. */
    roleIds: z.array(z.uuid()).min(1).max(100).optional(),
    groupIds: z.array(z.uuid()).min(1).max(100).optional(),
    /** Absent: to all places. */
    destinations: z.array(z.string().min(1).max(1_000)).min(1).max(100).optional(),
    /** Each user by himself; else all together. */
    isPerUser: z.boolean().default(false),
    /** Days that are counted, up to now. */
    days: z.int().min(1).max(366),
    rowsMax: count.optional(),
    bytesMax: count.optional(),
    runsMax: count.optional(),
  }),
  z.strictObject({
    kind: z.literal('window'),
    datasetIds: datasetIds.optional(),
    /** Places it is for; absent: all. */
    destinations: z.array(z.string().min(1).max(1_000)).max(100).optional(),
    window: deliveryWindow,
  }),
])

export type ExportRule = z.infer<typeof exportRule>

export interface NamedRule {
  readonly id: string
  readonly name: string
  readonly rule: ExportRule
}

/** @throws AppError 'request.invalid' naming the field */
export function parseRule(body: unknown): ExportRule {
  const parsed = exportRule.safeParse(body)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new AppError(
    'request.invalid',
    `/${issue?.path.join('/') ?? ''}: ${issue?.message ?? 'not as expected'}.`,
  )
}

/**
 * What can be stored and limits nothing is not meant so.
 * @throws AppError 'request.invalid' naming the field
 */
export function requireLimit(rule: ExportRule): void {
  if (rule.kind !== 'quota') return
  const { rowsMax, bytesMax, runsMax } = rule
  if (rowsMax === undefined && bytesMax === undefined && runsMax === undefined)
    throw new AppError('request.invalid', '/rowsMax: a quota has rowsMax, bytesMax or runsMax, or several.')
}

export function isOfDataset(rule: ExportRule, datasetId: string): boolean {
  return rule.datasetIds === undefined || rule.datasetIds.includes(datasetId)
}

/** Whether a server that an account names, if it does, is one of a rule's. */
export function isAtEndpoint(
  endpoint: string | undefined,
  endpoints: readonly string[] | undefined,
): boolean {
  if (endpoint === undefined || endpoints === undefined) return true
  return endpoints.some((one) => isWithin(new URL(endpoint).href, new URL(one).href))
}

/** `file:///srv/out` is within `file:///srv/out/` and `file:///srv/`, not within `file:///srv/ou`. */
export function isWithin(location: string, place: string): boolean {
  // A folder of the server is called by its path, or as a URL.
  const whole = (text: string) => `${text.replace(/^file:\/\//, '').replace(/\/+$/, '')}/`
  return whole(location).startsWith(whole(place))
}
