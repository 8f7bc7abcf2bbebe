export type FindingCode =
  | 'location.empty'
  | 'manifest.invalid'
  | 'manifest.renamed'
  | 'manifest.rows'
  | 'chain.gap'
  | 'chain.fork'
  | 'chain.broken'
  | 'chain.range'
  | 'chain.reset'
  | 'chain.elsewhere'
  | 'chain.head'
  | 'key.changed'
  | 'file.missing'
  | 'file.changed'
  | 'file.torn'
  | 'file.rows'
  | 'file.shared'
  | 'object.unnamed'

/** An `error` says that something delivered is not as it was sealed; a `warning` is for people to judge. */
export interface Finding {
  readonly severity: 'error' | 'warning'
  readonly code: FindingCode
  /** Below the location. */
  readonly name: string
  readonly message: string
}
