import type { ErrorCode } from '#base/errors.ts'
import type { Encoding } from '#encode/encoding.ts'
import type { Field } from '#types/data-type.ts'

/** What the child is told when it starts, as one JSON argument. */
export interface ChildSettings {
  /** To become after the code is loaded; absent: stay who we are. */
  readonly runAs?: { readonly uid: number; readonly gid: number }
  readonly threads: number
  /** Of one statement. */
  readonly memoryBytes: number
  readonly spillBytesMax: number
  /** A folder of the child's own. */
  readonly scratchFolder: string
  /** Instances kept ready. */
  readonly spareInstances: number
}

export interface WireStatement {
  readonly sql: string
  readonly files: readonly string[]
}

export type Request =
  | { readonly op: 'open'; readonly statement: WireStatement; readonly encoding: Encoding; readonly columns: readonly Field[] }
  | { readonly op: 'pull'; readonly rowCountMax: number; readonly bytesMax: number }
  | { readonly op: 'describe'; readonly statement: WireStatement }
  | { readonly op: 'copy'; readonly statement: WireStatement; readonly copySql: string; readonly folder: string }
  | {
      readonly op: 'copyText'
      readonly statement: WireStatement
      readonly encoding: Encoding
      readonly columns: readonly Field[]
      readonly folder: string
      readonly extension: string
      readonly compression: 'gzip' | 'zstd' | 'none'
      readonly fileBytesMax?: number
    }
  | { readonly op: 'interrupt' }
  | { readonly op: 'close' }

export interface WireFailure {
  readonly code: ErrorCode
  readonly message: string
  readonly hint?: string
}
