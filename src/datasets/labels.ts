import type { Caller } from '#access/access.ts'
import { AppError } from '#base/errors.ts'
import type { DatasetId } from '#base/ids.ts'
import { type DatasetRow, lockDataset, updateDataset } from '#metadata/datasets.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { DatasetLabels } from './datasets.ts'

const labelsMax = 500

export function labelsOf(row: Pick<DatasetRow, 'labels' | 'labels_version'>): DatasetLabels {
  const stored = row.labels as Omit<DatasetLabels, 'version'>
  return { labels: stored.labels, optionalLabels: stored.optionalLabels, version: row.labels_version }
}

export function hasLabels({ labels, optionalLabels }: DatasetLabels): boolean {
  return labels.length > 0 || optionalLabels.length > 0
}

/** Undefined when there is no such dataset. @throws AppError 'request.invalid', 'schema.version', 'labels.exist' */
export async function changeLabels(
  tx: Transaction,
  caller: Caller,
  { datasetId, labels, ifMatch }: { datasetId: DatasetId; labels: unknown; ifMatch: string | undefined },
): Promise<DatasetLabels | undefined> {
  const row = await lockDataset(tx, caller.sandbox.id, datasetId)
  if (!row) return undefined
  const wanted = ifMatch?.replace(/^W\//, '').replaceAll('"', '')
  if (wanted === undefined && hasLabels(labelsOf(row))) {
    throw new AppError('labels.exist', 'The dataset has labels already.', {
      hint: 'Read them, then replace them by PUT.',
    })
  }
  if (wanted !== undefined && wanted !== '*' && wanted !== String(row.labels_version)) {
    throw new AppError('schema.version', 'The labels were changed since.', {
      hint: 'Read them again and make your change on what is there now.',
    })
  }
  const next = checked(labels)
  const version = row.labels_version + 1
  await updateDataset(tx, datasetId, { labels: JSON.stringify(next), labels_version: version })
  return { ...next, version }
}

function checked(given: unknown): Omit<DatasetLabels, 'version'> {
  const { labels = [], optionalLabels = [] } = (given ?? {}) as { labels?: unknown; optionalLabels?: unknown }
  if (!isLabels(labels)) throw new AppError('request.invalid', 'labels: an array of names was expected.')
  const isRight =
    Array.isArray(optionalLabels) &&
    optionalLabels.length <= labelsMax &&
    optionalLabels.every(
      (entry: unknown) =>
        typeof entry === 'object' && entry !== null && 'labels' in entry && isLabels(entry.labels),
    )
  if (!isRight) {
    throw new AppError(
      'request.invalid',
      'optionalLabels: an array of {"option":{…},"labels":[…]} was expected.',
    )
  }
  return { labels, optionalLabels: optionalLabels as readonly unknown[] }
}

function isLabels(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length <= labelsMax &&
    value.every((label) => typeof label === 'string' && label !== '' && label.length <= 200)
  )
}
