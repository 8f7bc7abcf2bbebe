import type { Finding } from '../verify/finding.ts'
import type { ChainLink } from '../verify/verify-chain.ts'

export type RestoreFindingCode =
  | Finding['code']
  | 'chain.unknown'
  | 'chain.incomplete'
  | 'rows.before'
  | 'rows.uncounted'
  | 'rows.skipped'
  | 'rows.removed'
  | 'file.encrypted'
  | 'file.format'
  | 'schema.changed'
  | 'key.other'

/** As a finding of `verify`; with what to do about it. */
export interface RestoreFinding extends Omit<Finding, 'code'> {
  readonly code: RestoreFindingCode
  readonly hint?: string | undefined
}

export function errorAt(link: ChainLink | undefined): Pick<RestoreFinding, 'severity' | 'name'> {
  return { severity: 'error', name: link?.name ?? '' }
}
