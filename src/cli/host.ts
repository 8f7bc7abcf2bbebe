import type { Readable } from 'node:stream'
import type { Config } from '#config/config.ts'

/** What the command line is given: it makes nothing big itself. */
export interface CliHost {
  readonly version: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stdout: Output
  readonly stderr: Output
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal
  /** Folder of this Sluice, where `examples` lies. */
  readonly root: string
  /** A whole server in this process. Quiet: it logs only errors. */
  serve(config: Config, options: { readonly isQuiet: boolean }): Promise<RunningServer>
  /** Checks a location of deliveries; needs no server. A folder of this machine exists. */
  verify(location: Destination, options: VerifyOptions): Promise<VerifyReport>
  /**
   * Looks at a location for a dataset that can be restored of it, and reads all that would be loaded; needs no server.
   * Disposed of, it reads no more. A folder of this machine exists.
   */
  findRestorable(
    location: Destination,
    options: FindRestorableOptions,
  ): Promise<{ readonly found: Restorable } & AsyncDisposable>
  /** All values of a column of a delivered Parquet file. */
  deliveredValues(path: string, column: string): Promise<readonly unknown[]>
  /** Makes a home, the configuration's, of a backup; needs no server. */
  restore(from: string, config: Config, options: RestoreOptions): Promise<RestoreReport>
  /** New secrets in the credentials file, when no server runs on the home. */
  rotateCredentials(config: Config): Promise<void>
}

export type Output = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }

export interface RunningServer extends AsyncDisposable {
  readonly http: string
  readonly postgres: string
}

export interface RestoreOptions {
  readonly isDryRun: boolean
  readonly signal: AbortSignal
  readonly onProgress: (progress: {
    readonly files: number
    readonly filesDone: number
    readonly bytesDone: number
  }) => void
}

export interface RestoreReport {
  readonly backupId: string
  readonly takenAt: string
  readonly rowCount: number
  readonly files: number
  readonly bytes: number
  readonly epoch: number | undefined
}

export interface FindRestorableOptions extends VerifyOptions {
  readonly request: {
    readonly exportName?: string | undefined
    readonly datasetName?: string | undefined
    readonly through?: number | undefined
    readonly isAsDelivered: boolean
    readonly keyIds?: readonly string[] | undefined
  }
}

export interface RestorableFile {
  readonly name: string
  readonly kind: 'parquet' | 'json' | 'csv'
  readonly bytes: number
  readonly rowCount: number
}

export interface Restorable {
  readonly location: string
  readonly exportId: string
  readonly exportName: string
  readonly datasetId: string
  readonly datasetName: string
  readonly tableName: string | undefined
  readonly schema: {
    readonly id: string | undefined
    readonly columns: readonly { readonly name: string; readonly type: string; readonly ddl: string }[]
    readonly document: Readonly<Record<string, unknown>> | undefined
  }
  readonly head: { readonly number: number; readonly sha256: string; readonly sealedAt: string }
  readonly keyId: string
  readonly deliveries: readonly {
    readonly number: number
    readonly content: string
    readonly use: 'loaded' | 'superseded' | 'repeated' | 'beside' | 'undone'
    readonly rowCount: number
    readonly fileCount: number
    readonly bytes: number
    readonly sealedAt: string
  }[]
  readonly files: readonly RestorableFile[]
  readonly rowCount: number
  readonly bytes: number
  readonly isRight: boolean
  readonly findings: readonly (ReportedFinding & { readonly hint?: string | undefined })[]
  /** As an upload takes it; throws at its end when it is not what was delivered. */
  read(file: RestorableFile, options: { readonly signal: AbortSignal }): AsyncIterable<Uint8Array>
}

export interface VerifyOptions {
  readonly signal: AbortSignal
  /** Told an SFTP server's key when none was given. */
  readonly onHostKey?: (fingerprint: string) => void
  readonly onProgress?: (progress: {
    readonly filesChecked: number
    readonly fileCount: number
    readonly bytesChecked: number
  }) => void
}

export interface VerifyReport {
  readonly location: string
  readonly isRight: boolean
  readonly chains: readonly {
    readonly exportName: string
    readonly datasetName: string
    readonly manifestCount: number
    readonly fileCount: number
    readonly rowCount: number
    readonly bytes: number
    readonly keyId: string
  }[]
  readonly fileCount: number
  readonly rowCount: number
  readonly bytes: number
  readonly findings: readonly ReportedFinding[]
  readonly findingsLeftOut: number
}

export interface ReportedFinding {
  readonly severity: 'error' | 'warning'
  readonly code: string
  readonly name: string
  readonly message: string
}

/** A place of deliveries, in the words of the Flow Service. */
export interface Destination {
  readonly kind: 'local' | 's3' | 'azure' | 'adls' | 'gcs' | 'sftp'
  /** Holds secrets: never printed. */
  readonly auth?: { readonly specName: string; readonly params: Readonly<Record<string, unknown>> }
  readonly params: Readonly<Record<string, string>>
  /** For people. */
  readonly shown: string
}
