import { sql } from 'kysely'
import type { AlertType } from './alerts.ts'

/** Conditions on a `job_runs run`: whether somebody is still to hear of it. Topics and keys begin with its kind. */
type Kind = 'export' | 'query'

/** What can be heard of by mail alone is heard of while the server mails. */
export interface Mailing {
  readonly isMailing: boolean
}

/** Nothing of it has been told of the run. */
export function isUntold(kind: Kind, alertType: AlertType) {
  return sql<boolean>`not exists (
    select from notifications
    where sandbox_id = run.sandbox_id
      and key = ${`${kind} run `}::text || run.id::text || ${` ${alertType}`}::text
  )`
}

/** Whether somebody subscribed to it of the run's schedule or flow and can be told, or a webhook of the sandbox listens. */
export function isHeard(kind: Kind, alertType: AlertType, { isMailing }: Mailing) {
  return sql<boolean>`(
    exists (
      select from alert_subscriptions alert
      join alert_subscribers subscriber on subscriber.alert_id = alert.id
      where alert.sandbox_id = run.sandbox_id and alert.asset_id::text = split_part(run.subject_id, ':', 1)
        and alert.alert_type = ${alertType} and alert.is_enabled
        and (subscriber.in_product or (subscriber.by_email and ${isMailing}::boolean))
    )
    or exists (
      select from webhooks
      where sandbox_id = run.sandbox_id and is_enabled
        and topics && array[${`${kind}.*`}::text, ${`${kind}.${alertType}`}::text]
    )
  )`
}
