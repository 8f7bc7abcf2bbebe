import type { BatchRow } from '#metadata/batches.ts'
import { shownName } from './ingest-failure.ts'
import { wrongState } from './managed-batch.ts'

/** What a batch is opened with that decides what becomes of its files. */
type Options = Pick<
  BatchRow,
  | 'format'
  | 'is_multi_line_json'
  | 'takes_nul'
  | 'partial_ingestion_percentage'
  | 'has_diagnostics'
  | 'predecessors'
>

/**
 * Who opens a batch of the same name means the same batch.
 * @throws AppError 'batch.state' naming what it was opened with
 */
export function requireSameOptions(batch: BatchRow, wanted: Options): void {
  const asked = shown(wanted)
  const [differs] = Object.entries(shown(batch)).filter(([option, value]) => asked[option] !== value)
  if (!differs) return
  const [option, value] = differs
  throw wrongState(
    batch,
    `has the externalId ${shownName(batch.external_id ?? '')} and was opened with ${option} ${value}, not ${asked[option]}`,
    'Open it with the same options, or another one under another externalId.',
  )
}

function shown(options: Options): Readonly<Record<string, string>> {
  const predecessors = options.predecessors as readonly string[]
  return {
    format: options.format,
    isMultiLineJson: String(options.is_multi_line_json),
    takesNul: String(options.takes_nul),
    partialIngestionPercentage: String(options.partial_ingestion_percentage),
    enableErrorDiagnostics: String(options.has_diagnostics),
    'replay.predecessors': predecessors.toSorted().join(', ') || 'none',
  }
}
