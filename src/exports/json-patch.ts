import { z } from 'zod'
import { AppError } from '#base/errors.ts'

const operationsMax = 100

const operations = z
  .array(
    z.object({
      op: z
        .string()
        .transform((text) => text.toLowerCase())
        .pipe(z.enum(['add', 'replace', 'remove'])),
      path: z.string().regex(/^(\/[^/]+)+$/),
      value: z.unknown().optional(),
    }),
  )
  .min(1)
  .max(operationsMax)

type Json = Record<string, unknown>

/** Here the documented clients replace an object by a part of it: the rest must stay. */
const mergedPaths: ReadonlySet<string> = new Set(['/params', '/scheduleParams', '/auth/params'])

/**
 * JSON Patch as the Flow Service's clients write it: `op` in any case, only add, replace and remove, `-` appends,
 * `replace` of an object at /params, /scheduleParams and /auth/params merges. The document given stays as it is.
 * @throws AppError 'flow.invalid'
 */
export function applyPatch(document: Json, patch: unknown): Json {
  const parsed = operations.safeParse(patch)
  if (!parsed.success) {
    throw invalid(
      `A patch is a list of 1 to ${operationsMax} operations {"op":"add"|"replace"|"remove","path":"/…","value":…}: ${z.prettifyError(parsed.error)}`,
      'FLOW-1434-400',
    )
  }
  const copy = structuredClone(document)
  for (const { op, path, value } of parsed.data) applyOne(copy, { op, path, value })
  return copy
}

function applyOne(
  document: Json,
  operation: { op: 'add' | 'replace' | 'remove'; path: string; value: unknown },
): void {
  const { op, path, value } = operation
  const steps = path
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  const last = steps.pop()!
  let parent: unknown = document
  for (const step of steps) parent = child(parent, step)
  if (Array.isArray(parent)) {
    applyToArray(parent, { op, step: last, value, path })
    return
  }
  if (typeof parent !== 'object' || parent === null || isForbidden(last)) throw missing(path)
  const object = parent as Json
  if (op !== 'add' && !Object.hasOwn(object, last)) {
    // A description that was never given may be replaced; an unknown field may not.
    if (op === 'remove' || !isOptional(path)) throw missing(path)
  }
  if (op === 'remove') delete object[last]
  else if (value === undefined) throw invalid(`The operation at ${path} has no value.`)
  else if (op === 'replace' && mergedPaths.has(path) && isObject(value) && isObject(object[last]))
    object[last] = { ...object[last], ...value }
  else object[last] = value
}

function applyToArray(
  array: unknown[],
  { op, step, value, path }: { op: 'add' | 'replace' | 'remove'; step: string; value: unknown; path: string },
): void {
  if (op === 'add' && step === '-') {
    array.push(value)
    return
  }
  const index = /^\d{1,6}$/.test(step) ? Number(step) : Number.NaN
  if (!(index < array.length || (op === 'add' && index === array.length))) throw missing(path)
  array.splice(index, op === 'add' ? 0 : 1, ...(op === 'remove' ? [] : [value]))
}

function child(parent: unknown, step: string): unknown {
  if (Array.isArray(parent)) return /^\d{1,6}$/.test(step) ? parent[Number(step)] : undefined
  return isObject(parent) && !isForbidden(step) && Object.hasOwn(parent, step) ? parent[step] : undefined
}

function isForbidden(step: string): boolean {
  return step === '__proto__' || step === 'constructor' || step === 'prototype'
}

function isOptional(path: string): boolean {
  return ['/description', '/labels', '/policy', '/transformations', '/auth/params'].includes(path)
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function missing(path: string): AppError {
  return invalid(`There is no ${path} to patch.`, 'FLOW-1455-400')
}

function invalid(message: string, flowCode = 'FLOW-1431-400'): AppError {
  return new AppError('flow.invalid', message, { detail: { flowCode } })
}
