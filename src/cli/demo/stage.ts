import type { Config } from '#config/config.ts'
import type { Client } from '../client.ts'
import type { CliHost } from '../host.ts'
import type { Caller } from './demo-sql.ts'
import type { Narrator } from './narrator.ts'

/** What the steps of the demo work with. */
export interface Stage {
  readonly host: CliHost
  readonly client: Client
  readonly asker: Caller
  readonly narrator: Narrator
  readonly config: Config
  readonly examples: string
  /** Where deliveries go. */
  readonly folder: string
}
