import { AppError } from '#base/errors.ts'
import { applyJsonPatch } from '#base/json-patch.ts'
import type { Dataset, DatasetDocument } from '#datasets/datasets.ts'
import { keptProperties } from '#datasets/update.ts'

type Json = Readonly<Record<string, unknown>>

const depthMax = 20

export function isKept(key: string): boolean {
  return (keptProperties as readonly string[]).includes(key)
}

/** A JSON Patch (one operation or a list), or an object merged into the document. */
export function patched(current: DatasetDocument, change: unknown): Json {
  if (Array.isArray(change) || (isObject(change) && 'op' in change && 'path' in change)) {
    return applyJsonPatch(current, change, {
      refuse: (message, path) =>
        new AppError('request.invalid', `${path === '' ? 'patch' : path}: ${message}.`),
    })
  }
  if (isObject(change)) return merged(current, change, 0)
  throw new AppError('request.invalid', 'A JSON Patch or an object was expected.')
}

/** What a client sends back of what it read is passed over, but another schema is refused. */
export function replacement(dataset: Dataset, body: Json): Json {
  const { schemaRef } = body
  if (isObject(schemaRef) && schemaRef['id'] !== dataset.schemaId) {
    throw new AppError('request.invalid', 'schemaRef/id: the schema of a dataset cannot change.', {
      hint: 'Make a new dataset of the other schema.',
    })
  }
  const keys = ['name', 'description', 'tags', ...keptProperties]
  return Object.fromEntries(Object.entries(body).filter(([key]) => keys.includes(key)))
}

export function asObject(value: unknown): Json {
  return isObject(value) ? value : {}
}

/** Objects are merged, all else is replaced; null takes away. */
function merged(current: Json, change: Json, depth: number): Json {
  if (depth > depthMax) throw new AppError('request.invalid', `Objects nest at most ${depthMax} deep.`)
  const out: Record<string, unknown> = { ...current }
  for (const [key, value] of Object.entries(change)) {
    const before = out[key]
    if (value === null) delete out[key]
    else if (isObject(value)) out[key] = merged(isObject(before) ? before : {}, value, depth + 1)
    else out[key] = value
  }
  return out
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
