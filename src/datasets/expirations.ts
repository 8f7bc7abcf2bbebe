import type { DatasetId } from '#base/ids.ts'
import type { DatasetExpirationRow, ExpirationStatus } from '#metadata/dataset-expirations.ts'
import type { Caller } from './datasets.ts'

/**
 * Ends of whole datasets, set beforehand. At its end a dataset is deleted and its rows are removed for good, from older
 * snapshots and from the disk, pinned or not; until then the end can be changed and taken back.
 */
export interface Expirations {
  /** @throws AppError 'dataset.unknown', 'request.invalid' for a time that is past, 'expiration.exists' */
  create(caller: Caller, expiration: NewExpiration): Promise<Expiration>
  /** By its id or that of its dataset. @throws AppError 'expiration.unknown' */
  get(caller: Caller, id: string): Promise<Expiration>
  /** Newest first. */
  list(
    caller: Caller,
    filter: { readonly datasetId?: DatasetId; readonly statuses?: readonly ExpirationStatus[] },
  ): Promise<readonly Expiration[]>
  /** While it is pending. @throws AppError 'expiration.unknown', 'expiration.state', 'request.invalid' */
  update(caller: Caller, id: string, change: Partial<Omit<NewExpiration, 'datasetId'>>): Promise<Expiration>
  /** While it is pending. @throws AppError 'expiration.unknown', 'expiration.state' */
  cancel(caller: Caller, id: string): Promise<void>
}

export interface NewExpiration {
  readonly datasetId: DatasetId
  readonly expiry: Date
  readonly displayName: string
  readonly description: string
}

export type Expiration = DatasetExpirationRow
export type { ExpirationStatus }
