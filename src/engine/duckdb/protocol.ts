import type { ErrorCode } from '#base/errors.ts'
import type { Encoding } from '#encode/encoding.ts'
import type { Field } from '#types/data-type.ts'
import type { KeyedScan } from '../engine.ts'
import type { ParquetFormat } from './copy-sql.ts'

/** What the child is told when it starts, as one JSON argument. */
export interface ChildSettings {
  /** To become after the code is loaded; absent: stay who we are. */
  readonly runAs?: { readonly uid: number; readonly gid: number }
  /** Of one statement. */
  readonly threads: number
  /** A folder of the child's own. */
  readonly scratchFolder: string
  /** Instances kept ready. */
  readonly spareInstances: number
  /** Memory for rows that are kept for those who look some up. */
  readonly keptBytes: number
}

/** Where the child finds its two pipes. */
export const pipes = { requests: 3, answers: 4 } as const

/** The number under which the child says that it is ready; statements have other ones. */
export const readyNumber = 0

export interface WireStatement {
  readonly sql: string
  readonly files: readonly string[]
  readonly share: Share
  readonly lookups?: readonly KeyedScan[]
}

/** What one statement may use. */
export interface Share {
  readonly memoryBytes: number
  readonly spillBytes: number
}

/**
 * Every request but `interrupt` gets one answer, chunk or failure, in order. After a failure, the last chunk, or the
 * answer to anything but `open`, the child has forgotten the statement; closing it then does no harm.
 */
export type Request =
  | {
      readonly op: 'open'
      readonly statement: WireStatement
      readonly encoding: Encoding
      readonly columns: readonly Field[]
    }
  | { readonly op: 'pull'; readonly rowCountMax: number; readonly bytesMax: number; readonly goesOn: boolean }
  | { readonly op: 'describe'; readonly statement: WireStatement }
  | {
      readonly op: 'copy'
      readonly statement: WireStatement
      readonly format: ParquetFormat
      readonly folder: string
      readonly isOrdered: boolean
    }
  | {
      readonly op: 'copyText'
      readonly statement: WireStatement
      readonly kind: 'json' | 'csv'
      readonly folder: string
      readonly isOrdered: boolean
      readonly extension: string
      readonly compression: 'gzip' | 'zstd' | 'none'
      readonly fileBytesMax?: number
    }
  | { readonly op: 'interrupt' }
  | { readonly op: 'close' }

/**
 * So long the functions that run in JavaScript may keep a child's thread for one chunk of rows; all statements of the child
 * share it, and nothing else is heard meanwhile.
 */
export const watchedMsMax = 5_000

export interface WireFailure {
  readonly code: ErrorCode
  readonly message: string
  readonly hint?: string
  /** For the log only. */
  readonly cause?: string
}

export interface TextFile {
  readonly path: string
  readonly rowCount: number
  readonly bytes: number
}
