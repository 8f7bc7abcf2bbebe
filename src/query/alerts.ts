import { randomUUID } from 'node:crypto'
import type { Permission } from '#access/access.ts'
import { AppError } from '#base/errors.ts'
import { isUuid } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import {
  type AlertPage,
  type AlertRow,
  type AlertType,
  alertTypes,
  deleteAlerts,
  putAlert,
  selectAlerts,
  setAlertEnabled,
} from '#metadata/alerts.ts'
import { must } from '#base/assert.ts'
import { selectEntity } from '#metadata/exports.ts'
import type { Db, Transaction } from '#metadata/metadata.ts'
import { selectQuery } from '#metadata/query.ts'
import { selectScheduledQuery } from '#metadata/scheduled-queries.ts'
import type { QueryServiceOptions } from './services.ts'
import { readRequest } from './background/stored-request.ts'

export { type AlertType, alertTypes } from '#metadata/alerts.ts'

export interface Alert {
  readonly id: string
  readonly assetId: string
  /** Of the schedule, query or export. */
  readonly assetName: string
  readonly alertType: AlertType
  readonly isEnabled: boolean
  readonly delayMinutes: number | undefined
  readonly skippedPercent: number | undefined
  readonly subscribers: readonly {
    readonly email: string
    readonly isInProduct: boolean
    readonly isByEmail: boolean
  }[]
}

export interface NewAlert {
  readonly assetId: string
  readonly alertType: AlertType
  readonly emails: readonly string[]
  readonly isInProduct: boolean
  readonly isByEmail: boolean
  /** Of `delay`: after how long a run is late. */
  readonly delayMinutes?: number | undefined
  /** Of `skipped`: when more of the rows than that are left out. */
  readonly skippedPercent?: number | undefined
}

/** Who is told what of queries, schedules and exports. Reading needs 'view-alerts', all else 'manage-alerts'. */
export interface Alerts {
  /** Adds to the subscribers of an alert that is there. @throws AppError 'query.unknown' for its asset */
  subscribe(caller: Caller, wanted: NewAlert): Promise<Alert>
  list(
    caller: Caller,
    reach: {
      readonly assetId?: string
      readonly alertType?: AlertType
      readonly email?: string
      readonly isEnabled?: boolean
    },
    page: AlertPage,
  ): Promise<readonly Alert[]>
  /** @throws AppError 'alert.unknown', as all that follow */
  ofAsset(caller: Caller, assetId: string, alertType?: AlertType): Promise<readonly Alert[]>
  setEnabled(
    caller: Caller,
    alert: { readonly assetId: string; readonly alertType: AlertType },
    isEnabled: boolean,
  ): Promise<Alert>
  delete(caller: Caller, alert: { readonly assetId: string; readonly alertType: AlertType }): Promise<void>
}

export function createAlerts({ access, metadata, clock }: QueryServiceOptions): Alerts {
  const require = async ({ principal, sandbox }: Caller, permission: Permission) => {
    await access.require({ principal, permission, sandboxId: sandbox.id })
  }

  async function record(
    tx: Transaction,
    { principal, sandbox }: Caller,
    action: string,
    alert: Alert | NewAlert,
  ) {
    const who = { principalId: principal.id, sandboxId: sandbox.id }
    const detail = { alertType: alert.alertType }
    await access.audit(
      { ...who, action, assetType: 'Alert', assetId: alert.assetId, status: 'Allow', detail },
      tx,
    )
  }

  async function of(
    db: Db,
    caller: Caller,
    reach: { assetId: string; alertType?: AlertType },
  ): Promise<Alert[]> {
    const rows = isUuid(reach.assetId)
      ? await selectAlerts(db, caller.sandbox.id, reach, { limit: alertTypes.length, offset: 0 })
      : []
    if (rows.length === 0) throw unknownAlert(reach)
    return await named(db, caller, rows)
  }

  return {
    subscribe: async (caller, wanted) => {
      await require(caller, 'manage-alerts')
      const { assetId, alertType, emails, isInProduct, isByEmail, delayMinutes, skippedPercent } = wanted
      return await metadata.transaction(async (tx) => {
        const asset = await assetOf(tx, caller, assetId)
        if (!asset) {
          throw new AppError(
            'query.unknown',
            `There is no schedule, query or export ${JSON.stringify(assetId.slice(0, 80))}.`,
          )
        }
        const known = typesOf[asset.kind]
        if (!known.includes(alertType)) {
          throw new AppError('request.invalid', `alertType: a ${asset.kind} has no alert ${alertType}.`, {
            hint: `It has ${known.join(', ')}.`,
          })
        }
        await putAlert(
          tx,
          {
            id: randomUUID(),
            sandbox_id: caller.sandbox.id,
            asset_id: assetId,
            alert_type: alertType,
            is_enabled: true,
            delay_minutes: delayMinutes ?? null,
            skipped_percent: skippedPercent ?? null,
            created_at: clock.now(),
            created_by: caller.principal.id,
          },
          emails.map((email) => ({
            email: email.toLowerCase(),
            in_product: isInProduct,
            by_email: isByEmail,
          })),
        )
        await record(tx, caller, 'create', wanted)
        return must((await of(tx, caller, { assetId, alertType }))[0], 'an alert is there once stored')
      })
    },
    list: async (caller, reach, page) => {
      await require(caller, 'view-alerts')
      const { email } = reach
      const rows = await selectAlerts(
        metadata.db,
        caller.sandbox.id,
        { ...reach, ...(email === undefined ? {} : { email: email.toLowerCase() }) },
        page,
      )
      return await named(metadata.db, caller, rows)
    },
    ofAsset: async (caller, assetId, alertType) => {
      await require(caller, 'view-alerts')
      return await of(metadata.db, caller, { assetId, ...(alertType === undefined ? {} : { alertType }) })
    },
    setEnabled: async (caller, reach, isEnabled) => {
      await require(caller, 'manage-alerts')
      return await metadata.transaction(async (tx) => {
        const alert = must((await of(tx, caller, reach))[0], 'an unknown alert was refused')
        await setAlertEnabled(tx, alert.id, isEnabled)
        await record(tx, caller, 'update', alert)
        return { ...alert, isEnabled }
      })
    },
    delete: async (caller, reach) => {
      await require(caller, 'manage-alerts')
      await metadata.transaction(async (tx) => {
        const [alert] = await of(tx, caller, reach)
        await deleteAlerts(tx, caller.sandbox.id, reach)
        if (alert) await record(tx, caller, 'delete', alert)
      })
    },
  }
}

async function named(db: Db, caller: Caller, rows: readonly AlertRow[]): Promise<Alert[]> {
  const alerts: Alert[] = []
  for (const row of rows) {
    alerts.push({
      id: row.id,
      assetId: row.asset_id,
      assetName: (await assetOf(db, caller, row.asset_id))?.name ?? '',
      alertType: row.alert_type,
      isEnabled: row.is_enabled,
      delayMinutes: row.delay_minutes ?? undefined,
      skippedPercent: row.skipped_percent ?? undefined,
      subscribers: row.subscribers.map(({ email, in_product, by_email }) => ({
        email,
        isInProduct: in_product,
        isByEmail: by_email,
      })),
    })
  }
  return alerts
}

interface Asset {
  readonly kind: 'query' | 'schedule' | 'flow'
  readonly name: string
}

const ofRuns: readonly AlertType[] = ['start', 'success', 'failure']
const ofDeliveries = alertTypes.slice(alertTypes.indexOf('skipped'))
const typesOf: Readonly<Record<Asset['kind'], readonly AlertType[]>> = {
  query: ofRuns,
  schedule: [...ofRuns, 'delay', 'quarantine'],
  flow: [...ofRuns, 'delay', ...ofDeliveries],
}

/** Undefined: the sandbox has neither a schedule nor a query nor an export of that id. */
async function assetOf(db: Db, { sandbox }: Caller, id: string): Promise<Asset | undefined> {
  if (!isUuid(id)) return undefined
  const schedule = await selectScheduledQuery(db, sandbox.id, id)
  if (schedule) return { kind: 'schedule', name: schedule.name }
  const flow = await selectEntity(db, sandbox.id, 'flows', id)
  if (flow) return { kind: 'flow', name: String(flow.document['name']) }
  const query = await selectQuery(db, sandbox.id, id)
  if (!query) return undefined
  const named = query.request === null ? undefined : readRequest(query.request).name
  return { kind: 'query', name: (named ?? query.template_name) || query.id }
}

function unknownAlert({
  assetId,
  alertType,
}: {
  readonly assetId: string
  readonly alertType?: AlertType
}): AppError {
  const of =
    alertType === undefined
      ? `assetId: ${assetId.slice(0, 80)}`
      : `assetId: ${assetId.slice(0, 80)} and alertType: ${alertType}`
  return new AppError(
    'alert.unknown',
    `No alert exists for ${of}. Please resubmit with different assetId and alertType.`,
  )
}
