import type { Readable } from 'node:stream'
import type { Config } from '#config/config.ts'
import type { Destination } from './destination.ts'

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
  readonly findings: readonly {
    readonly severity: 'error' | 'warning'
    readonly code: string
    readonly name: string
    readonly message: string
  }[]
  readonly findingsLeftOut: number
}
