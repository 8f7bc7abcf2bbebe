import type { Access } from '#access/access.ts'
import type { SecretStore } from '#access/secret-store.ts'
import type { Clock } from '#base/clock.ts'
import type { Logger } from '#base/log.ts'
import type { Jobs } from '#jobs/jobs.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { MailServer } from './deliver-email.ts'

export interface NotifyOptions {
  readonly metadata: Metadata
  readonly access: Access
  readonly jobs: Jobs
  readonly secrets: SecretStore
  /** Absent: nothing is mailed. */
  readonly mail?: MailServer | undefined
  /** Whether webhooks may lead into private networks, and without encryption. */
  readonly allowsPrivate: boolean
  readonly clock: Clock
  readonly logger: Logger
}
