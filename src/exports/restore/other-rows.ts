import { errorAt, type RestoreFinding } from './restore-finding.ts'
import { type ChainLink, numberOf } from '../verify/verify-chain.ts'

interface Delivered {
  /** What was delivered of everything from a commit on, in this order. */
  readonly steps: readonly ChainLink[]
  /** Deliveries of commits that the source has lost; steps are among them that hold others, too. */
  readonly undone: ReadonlySet<ChainLink>
  /** Those, and windows of what was there before. */
  readonly loaded: readonly ChainLink[]
  /** The commit after which the steps begin; 0: they hold everything. */
  readonly begins: number
  readonly head: ChainLink
  readonly isAsDelivered: boolean
}

/** Where the source is known to have had more or fewer rows than were delivered of it, or cannot be known to have had these. */
export function otherRows({
  steps,
  undone,
  loaded,
  begins,
  head,
  isAsDelivered,
}: Delivered): RestoreFinding[] {
  const last = steps.at(-1)
  const told = (link: ChainLink, finding: Pick<RestoreFinding, 'code' | 'message'>): RestoreFinding => ({
    ...errorAt(link),
    ...(isAsDelivered ? { severity: 'warning' } : {}),
    ...finding,
    hint: 'Deliver the dataset in full once and restore that, or load what was delivered as it is: --as-delivered.',
  })
  if (!last)
    return [
      told(head, {
        code: 'rows.before',
        message: 'Only windows of record time were delivered: whether they hold all rows is not known.',
      }),
    ]
  const lost = steps.find((link) => undone.has(link))
  if (lost)
    return [
      told(lost, {
        code: 'rows.removed',
        message: `Delivery ${numberOf(lost)} holds, among others, rows that the source lost when it was restored from a backup.`,
      }),
    ]
  const unsure = (finding: Pick<RestoreFinding, 'code' | 'message'>): RestoreFinding => ({
    ...told(last, finding),
    severity: 'warning',
    hint: 'To be sure deliver the dataset in full once and restore that.',
  })
  const delivered = loaded.reduce((sum, { sealed }) => sum + sealed.manifest.rowCount, 0)
  const known = last.sealed.manifest.source.tableRowCount
  const skipped = steps.reduce((sum, { sealed }) => sum + (sealed.manifest.source.skippedRowCount ?? 0), 0)
  if (skipped > 0)
    return [
      told(last, {
        code: 'rows.skipped',
        message: `The export left out ${skipped} rows that were too old: they were never delivered.`,
      }),
    ]
  if (known !== undefined && known < delivered)
    return [
      told(last, {
        code: 'rows.removed',
        message: `${delivered} rows were delivered and the source had ${known} with delivery ${numberOf(last)}: ${delivered - known} had been removed or replaced since they were delivered.`,
      }),
    ]
  if (known === undefined ? begins > 0 : known > delivered)
    return [
      told(head, {
        code: 'rows.before',
        message: `The deliveries begin after commit ${begins}: ${known === undefined ? 'rows' : `${known - delivered} rows`} of before are not among them.`,
      }),
    ]
  // As many as of everything that was ever there are the same ones; as many as of a part of that need not be.
  if (begins > 0)
    return [
      unsure({
        code: 'rows.before',
        message: `The source had ${delivered} rows, as many as were delivered; as the deliveries begin after commit ${begins} they may be others.`,
      }),
    ]
  if (known === undefined && steps.length > 1)
    return [
      unsure({
        code: 'rows.uncounted',
        message: `Delivery ${numberOf(last)} does not say how many rows the source had: some may have been removed or replaced since they were delivered.`,
      }),
    ]
  return []
}
