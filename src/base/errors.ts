interface Meaning {
  readonly http: number
  readonly sqlState: string
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retry: boolean
}

/** Every failure a caller can meet: what REST, PostgreSQL and the job queue each make of it. */
export const meanings = {
  'access.denied': { http: 403, sqlState: '42501', retry: false },
  'access.ended': { http: 401, sqlState: '28000', retry: false },
  'access.too_many': { http: 429, sqlState: '28000', retry: true },
  'access.unauthenticated': { http: 401, sqlState: '28P01', retry: false },
  'admin.exists': { http: 409, sqlState: '42710', retry: false },
  'admin.invalid': { http: 400, sqlState: '22023', retry: false },
  'admin.unknown': { http: 404, sqlState: '42704', retry: false },
  'admin.version': { http: 412, sqlState: '40001', retry: false },
  'alert.unknown': { http: 404, sqlState: '42704', retry: false },
  'backup.corrupt': { http: 422, sqlState: 'XX001', retry: false },
  'backup.invalid': { http: 400, sqlState: '22023', retry: false },
  'backup.unknown': { http: 404, sqlState: '42704', retry: false },
  'batch.state': { http: 409, sqlState: '55000', retry: false },
  'batch.unknown': { http: 404, sqlState: '42704', retry: false },
  'chain.diverged': { http: 409, sqlState: '55000', retry: false },
  'config.invalid': { http: 400, sqlState: '22023', retry: false },
  'connection.insecure': { http: 403, sqlState: '28000', retry: false },
  'connection.idle': { http: 408, sqlState: '53400', retry: true },
  'connection.limit': { http: 503, sqlState: '53400', retry: true },
  'connection.protocol': { http: 400, sqlState: '08P01', retry: false },
  'dataset.exists': { http: 409, sqlState: '42P07', retry: false },
  'dataset.made_meanwhile': { http: 409, sqlState: '40001', retry: true },
  'dataset.read_only': { http: 403, sqlState: '42501', retry: false },
  'dataset.unknown': { http: 404, sqlState: '42P01', retry: false },
  'engine.crashed': { http: 503, sqlState: '57P01', retry: true },
  'engine.memory': { http: 507, sqlState: '53200', retry: false },
  'engine.unavailable': { http: 503, sqlState: '57P03', retry: true },
  'expiration.exists': { http: 409, sqlState: '42710', retry: false },
  'expiration.state': { http: 409, sqlState: '55000', retry: false },
  'expiration.unknown': { http: 404, sqlState: '42704', retry: false },
  'export.closed': { http: 409, sqlState: '55000', retry: false },
  'export.counts': { http: 500, sqlState: '58000', retry: true },
  'export.exists': { http: 409, sqlState: '42710', retry: false },
  'export.quota': { http: 429, sqlState: '53400', retry: false },
  'export.unknown': { http: 404, sqlState: '42704', retry: false },
  'file.torn': { http: 422, sqlState: 'XX001', retry: true },
  'flow.incomplete': { http: 422, sqlState: '22023', retry: false },
  'flow.invalid': { http: 400, sqlState: '22023', retry: false },
  'flow.unknown': { http: 404, sqlState: '42704', retry: false },
  'flow.version': { http: 412, sqlState: '40001', retry: false },
  'home.in_use': { http: 409, sqlState: '55006', retry: false },
  'home.unusable': { http: 500, sqlState: '58030', retry: false },
  'ingest.invalid': { http: 400, sqlState: '22000', retry: false },
  'inlet.exists': { http: 409, sqlState: '42710', retry: false },
  'inlet.unknown': { http: 404, sqlState: '42704', retry: false },
  internal: { http: 500, sqlState: 'XX000', retry: false },
  'job.cancelled': { http: 409, sqlState: '57014', retry: false },
  'job.paused': { http: 409, sqlState: '57014', retry: false },
  'job.postponed': { http: 409, sqlState: '57014', retry: false },
  'job.fenced': { http: 409, sqlState: '40001', retry: true },
  'labels.exist': { http: 403, sqlState: '42710', retry: false },
  'labels.unknown': { http: 404, sqlState: '42704', retry: false },
  'lake.conflict': { http: 409, sqlState: '40001', retry: true },
  'lake.corrupt': { http: 500, sqlState: 'XX001', retry: false },
  'limit.exceeded': { http: 429, sqlState: '53400', retry: true },
  'metadata.newer': { http: 500, sqlState: '58030', retry: false },
  'metadata.unavailable': { http: 503, sqlState: '57P03', retry: true },
  'namespace.exists': { http: 409, sqlState: '42710', retry: false },
  'namespace.unknown': { http: 404, sqlState: '42704', retry: false },
  'node.other': { http: 421, sqlState: '58030', retry: false },
  'notify.refused': { http: 502, sqlState: '58030', retry: false },
  'notify.unknown': { http: 404, sqlState: '42704', retry: false },
  'notify.unreachable': { http: 503, sqlState: '58030', retry: true },
  'object.exists': { http: 409, sqlState: '42710', retry: false },
  'object.missing': { http: 404, sqlState: '58P01', retry: false },
  'port.in_use': { http: 500, sqlState: '58030', retry: false },
  'query.cancelled': { http: 499, sqlState: '57014', retry: false },
  'query.cursor_exists': { http: 409, sqlState: '42P03', retry: false },
  'query.encoding': { http: 400, sqlState: '22021', retry: false },
  'query.ended': { http: 409, sqlState: '55000', retry: false },
  'query.exists': { http: 409, sqlState: '42710', retry: false },
  'query.failed': { http: 400, sqlState: '22000', retry: false },
  'query.limit': { http: 400, sqlState: '53400', retry: false },
  'query.no_transaction': { http: 409, sqlState: '25P01', retry: false },
  // What the reference platform calls a database name behind which there is nothing.
  'query.no_tables': { http: 404, sqlState: '42P12', retry: false },
  'query.out_of_range': { http: 400, sqlState: '22003', retry: false },
  'query.parameters': { http: 400, sqlState: '08P01', retry: false },
  'query.read_only': { http: 409, sqlState: '25006', retry: false },
  'query.scan_too_large': { http: 400, sqlState: '53400', retry: false },
  'query.several_rows': { http: 400, sqlState: '21000', retry: false },
  'query.statement_exists': { http: 409, sqlState: '42P05', retry: false },
  'query.syntax': { http: 400, sqlState: '42601', retry: false },
  'query.time_text': { http: 400, sqlState: '22007', retry: false },
  'query.timeout': { http: 408, sqlState: '53400', retry: false },
  'query.transaction_failed': { http: 409, sqlState: '25P02', retry: false },
  'query.type': { http: 400, sqlState: '42804', retry: false },
  'query.unknown': { http: 404, sqlState: '42704', retry: false },
  'query.unknown_column': { http: 400, sqlState: '42703', retry: false },
  'query.unknown_cursor': { http: 404, sqlState: '34000', retry: false },
  'query.unknown_database': { http: 404, sqlState: '3D000', retry: false },
  'query.unknown_function': { http: 400, sqlState: '42883', retry: false },
  'query.unknown_parameter': { http: 400, sqlState: '42P02', retry: false },
  'query.unknown_savepoint': { http: 404, sqlState: '3B001', retry: false },
  'query.unknown_schema': { http: 404, sqlState: '3F000', retry: false },
  'query.unknown_statement': { http: 404, sqlState: '26000', retry: false },
  'query.unknown_table': { http: 404, sqlState: '42P01', retry: false },
  'query.unsupported': { http: 400, sqlState: '0A000', retry: false },
  'query.value': { http: 400, sqlState: '22P02', retry: false },
  'request.invalid': { http: 400, sqlState: '22023', retry: false },
  'request.too_large': { http: 413, sqlState: '54000', retry: false },
  'result.expired': { http: 410, sqlState: '55000', retry: false },
  'result.unknown': { http: 404, sqlState: '42704', retry: false },
  'sandbox.default': { http: 400, sqlState: '55000', retry: false },
  'sandbox.exists': { http: 409, sqlState: '42710', retry: false },
  'sandbox.invalid': { http: 400, sqlState: '22023', retry: false },
  'sandbox.unknown': { http: 404, sqlState: '42704', retry: false },
  'restore.ambiguous': { http: 409, sqlState: '42725', retry: false },
  'restore.changed': { http: 409, sqlState: 'XX001', retry: false },
  'restore.unknown': { http: 404, sqlState: '42704', retry: false },
  'schema.conflict': { http: 409, sqlState: '42804', retry: false },
  'schema.evolution': { http: 400, sqlState: '42P16', retry: false },
  'schema.exists': { http: 400, sqlState: '42710', retry: false },
  'schema.in_use': { http: 400, sqlState: '2BP01', retry: false },
  'schema.invalid': { http: 400, sqlState: '42P16', retry: false },
  'schema.limit': { http: 400, sqlState: '54000', retry: false },
  'schema.read_only': { http: 403, sqlState: '42501', retry: false },
  'schema.unknown': { http: 404, sqlState: '42704', retry: false },
  'schema.version': { http: 412, sqlState: '40001', retry: false },
  'secret.unreadable': { http: 500, sqlState: '58030', retry: false },
  'server.stopping': { http: 503, sqlState: '57P01', retry: true },
  'source.removed': { http: 410, sqlState: '58P01', retry: false },
  'store.corrupt': { http: 502, sqlState: 'XX001', retry: true },
  'store.full': { http: 507, sqlState: '53100', retry: true },
  'store.refused': { http: 502, sqlState: '58030', retry: false },
  'store.unreachable': { http: 503, sqlState: '58030', retry: true },
  'stream.unavailable': { http: 503, sqlState: '58030', retry: true },
  'verify.failed': { http: 422, sqlState: 'XX001', retry: false },
} as const satisfies Record<string, Meaning>

export type ErrorCode = keyof typeof meanings

/** Where in a text something stands: 0-based offset, 1-based line and column (in UTF-16 units). */
export interface TextPosition {
  readonly offset: number
  readonly line: number
  readonly column: number
}

export interface AppErrorOptions {
  readonly cause?: unknown
  /** The place in the statement the caller sent. */
  readonly position?: TextPosition | undefined
  /** What to do about it, as one sentence. */
  readonly hint?: string | undefined
  /** Machine-readable particulars; never a secret, a path of the server or another tenant's name. */
  readonly detail?: Readonly<Record<string, unknown>> | undefined
}

/** A foreseen failure. The message says what was expected and what came. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly position: TextPosition | undefined
  readonly hint: string | undefined
  readonly detail: Readonly<Record<string, unknown>> | undefined

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.position = options.position
    this.hint = options.hint
    this.detail = options.detail
  }

  /** The same failure at a place in the statement, unless it has one. */
  at(position: TextPosition): AppError {
    if (this.position) return this
    const { cause, hint, detail } = this
    return new AppError(this.code, this.message, { cause, hint, detail, position })
  }

  get meaning(): Meaning {
    return meanings[this.code]
  }
}

/** An AppError as it is; anything else as `internal`, its own text kept as the cause for the log only. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  return new AppError('internal', 'Sluice met an error it did not expect; its log has the particulars.', {
    cause: error,
  })
}
