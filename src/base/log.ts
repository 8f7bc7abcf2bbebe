export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFields = Readonly<Record<string, unknown>>

/** Events with fields, never sentences with values inside. Fields must not hold secrets. */
export interface Logger {
  log(level: LogLevel, event: string, fields?: LogFields): void
  child(fields: LogFields): Logger
}

/** For tests and tools that have nobody to tell. */
export const silentLogger: Logger = { log: () => {}, child: () => silentLogger }
