import type { Caller } from '#access/access.ts'
import { AppError } from '#base/errors.ts'
import type { DatasetId } from '#base/ids.ts'
import { lockDataset, updateDataset } from '#metadata/datasets.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { Schemas } from '#schemas/schemas.ts'
import type { Dataset, DatasetDocument } from './datasets.ts'
import { withOwnTags } from './own-tags.ts'
import { requireWritable } from './require-writable.ts'
import { checkRowExpiration, rowExpirationOf } from './row-retention.ts'
import { datasetOf } from './rows.ts'

const nameMax = 255
const descriptionMax = 4_000
const tagsMax = 200
const propertiesBytesMax = 64 * 1024
const tableTag = 'adobe/pqs/table'
/** Kept for clients; we do not act on them. */
export const keptProperties = ['unifiedTags', 'systemLabels', 'enableErrorDiagnostics', 'extensions'] as const

/** The dataset after the change; undefined when there is none. @throws AppError 'request.invalid' naming the field */
export async function changeDataset(
  { tx, schemas, caller, now }: { tx: Transaction; schemas: Schemas; caller: Caller; now: Date },
  datasetId: DatasetId,
  change: (current: DatasetDocument) => Readonly<Record<string, unknown>>,
): Promise<Dataset | undefined> {
  const row = await lockDataset(tx, caller.sandbox.id, datasetId)
  if (!row) return undefined
  const before = datasetOf(row)
  const wanted = change({
    ...before.properties,
    name: before.name,
    description: before.description,
    tags: before.tags,
  })
  const name = textOf(wanted['name'], 'name', nameMax)
  if (name === '') throw invalid('name', `a text of 1 to ${nameMax} characters was expected`)
  const description = textOf(wanted['description'] ?? '', 'description', descriptionMax)
  const tags: Readonly<Record<string, readonly string[]>> = {
    ...withOwnTags(tagsOf(wanted['tags'] ?? {}), before.tags),
    [tableTag]: [before.tableName],
  }
  // Who may export it goes by its level.
  if (String(tags['tier']) !== String(before.tags['tier'])) requireWritable(before)
  const properties = propertiesOf(wanted)
  checkRowExpiration({ behavior: before.behavior, properties })
  if (rowExpirationOf(properties) !== rowExpirationOf(before.properties)) requireWritable(before)
  if (isForProfiles(tags) && !isForProfiles(before.tags))
    await requireUnion(tx, schemas, caller, before.schemaId)
  await updateDataset(tx, datasetId, {
    name,
    description,
    tags: JSON.stringify(tags),
    properties: JSON.stringify(properties),
    version: before.version + 1,
    updated_at: now,
    updated_by: caller.principal.id,
  })
  return { ...before, name, description, tags, properties, version: before.version + 1, updatedAt: now }
}

/** Whether the tag `unifiedProfile` says so; blanks after the colon occur. */
export function isForProfiles(tags: Readonly<Record<string, readonly string[]>>): boolean {
  return (tags['unifiedProfile'] ?? []).some((value) => value.replaceAll(' ', '') === 'enabled:true')
}

/** @throws AppError 'request.invalid' */
export async function requireUnion(
  tx: Transaction,
  schemas: Schemas,
  caller: Caller,
  schemaId: string,
): Promise<void> {
  if ((await schemas.unionSchemas(tx, caller, [schemaId])).has(schemaId)) return
  throw new AppError(
    'request.invalid',
    'tags/unifiedProfile: a dataset is enabled for profiles only when its schema is in a union.',
    { hint: 'Add the tag "union" to meta:immutableTags of its schema first.' },
  )
}

function textOf(value: unknown, field: string, lengthMax: number): string {
  if (typeof value === 'string' && value.length <= lengthMax && !value.includes('\0')) return value
  throw invalid(field, `a text of at most ${lengthMax} characters was expected`)
}

function tagsOf(value: unknown): Record<string, readonly string[]> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid('tags', 'an object of arrays was expected')
  }
  const entries = Object.entries(value)
  if (entries.length > tagsMax) throw invalid('tags', `at most ${tagsMax} were expected`)
  for (const [key, list] of entries) {
    const isRight =
      Array.isArray(list) &&
      list.length <= tagsMax &&
      list.every((text) => typeof text === 'string' && text.length <= 1_000)
    if (!isRight) throw invalid(`tags/${key.slice(0, 80)}`, 'an array of texts was expected')
  }
  return Object.fromEntries(entries) as Record<string, readonly string[]>
}

function propertiesOf(wanted: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const known = new Set<string>(['name', 'description', 'tags', ...keptProperties])
  const other = Object.keys(wanted).find((key) => !known.has(key))
  if (other !== undefined) {
    throw invalid(other.slice(0, 80), `it cannot be changed, only ${[...known].join(', ')}`)
  }
  const kept = Object.fromEntries(
    keptProperties.filter((key) => wanted[key] !== undefined).map((key) => [key, wanted[key]]),
  )
  if (JSON.stringify(kept).length > propertiesBytesMax) {
    throw invalid('extensions', `at most ${propertiesBytesMax} bytes were expected`)
  }
  return kept
}

function invalid(field: string, what: string): AppError {
  return new AppError('request.invalid', `${field}: ${what}.`)
}
