import type { SecretStore } from '#access/secret-store.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import type { SandboxId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import { selectRunsInWindows, type UnfinishedExport } from '#metadata/export-alerts.ts'
import { selectEntity } from '#metadata/exports.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { PageStart } from '#metadata/page.ts'
import type { Notify } from '#notify/notify.ts'
import { destinationKindOf } from '../destination-specs.ts'
import { rulesOf } from '../rules/enforce-rules.ts'
import { isForPlace, type WindowRule } from '../rules/enforce-windows.ts'
import { readDocument } from '../documents/entity-schemas.ts'
import { readPlan } from '../export-plan.ts'
import type { LandingPlace } from '../destinations/landing-place.ts'
import { latestFinishesOf } from '../rules/latest-finishes.ts'
import { isOfDataset } from '../rules/rules.ts'
import { datasetIdOf, flowIdOf } from '../run-subject.ts'
import { targetStore } from '../destinations/target-store.ts'
import { locationOf } from '../destinations/target.ts'
import { tellEach } from './tell-each.ts'
import { tellExport, toldRunOf, whyItWaits } from './tell-export.ts'

export interface TellLateOptions {
  readonly metadata: Metadata
  readonly secrets: SecretStore
  readonly notify: Pick<Notify, 'send' | 'isMailing'>
  readonly clock: Clock
  readonly logger: Logger
  readonly home: string
  readonly landing: LandingPlace
}

interface NamedRule {
  readonly name: string
  readonly rule: WindowRule
  readonly latestFinishAfter: (due: Date) => Date | undefined
}

interface Lateness {
  readonly name: string
  readonly latestFinish: Date
}

/** Tells of runs that are not over by the latest finish of a window they were due for, as far as they have got: once each. See `tellEach`. */
export async function tellLate(options: TellLateOptions, start?: PageStart): Promise<PageStart | undefined> {
  const { metadata, notify } = options
  const windows = new Map<SandboxId, Promise<readonly NamedRule[]>>()
  return await tellEach(options, {
    alertType: 'late',
    start,
    select: (page) => selectRunsInWindows(metadata.db, notify, page),
    timeOf: (row) => row.created_at,
    tell: async (row) => {
      const rules = windows.get(row.sandbox_id) ?? windowRulesOf(options, row.sandbox_id)
      windows.set(row.sandbox_id, rules)
      const late = await latenessOf(options, row, await rules)
      if (late) await tell(options, row, late)
    },
  })
}

async function tell(options: TellLateOptions, row: UnfinishedExport, { name, latestFinish }: Lateness) {
  const by = latestFinish.toISOString()
  const missed = `It was to be delivered by ${by}, as the window ${JSON.stringify(name)} says.`
  const text = [missed, whyItWaits(row)].filter(Boolean).join(' ')
  const detail = { window: name, latestFinish: by }
  const told = { run: toldRunOf(row), type: 'late', text, detail } as const
  await options.metadata.transaction((tx) => tellExport(options, tx, told))
}

async function windowRulesOf(options: TellLateOptions, sandboxId: SandboxId): Promise<NamedRule[]> {
  return (await rulesOf(options, sandboxId)).flatMap(({ name, rule }) =>
    rule.kind === 'window' ? [{ name, rule, latestFinishAfter: latestFinishesOf(rule.window) }] : [],
  )
}

/** Of the windows that a run has missed the one that was to be kept first. */
async function latenessOf(
  options: TellLateOptions,
  row: UnfinishedExport,
  rules: readonly NamedRule[],
): Promise<Lateness | undefined> {
  const plan = row.plan === null ? undefined : readPlan(row.plan)
  const datasetId = plan?.datasetId ?? datasetIdOf(row.payload) ?? ''
  const missed = rules.flatMap(({ name, rule, latestFinishAfter }) => {
    const latestFinish = isOfDataset(rule, datasetId) ? latestFinishAfter(row.created_at) : undefined
    return latestFinish && latestFinish <= options.clock.now() ? [{ name, rule, latestFinish }] : []
  })
  if (missed.length === 0) return undefined
  const location = plan ? locationOf(plan.target) : await locationOfFlow(options, row)
  const [first] = missed
    .filter(({ rule }) => location !== undefined && isForPlace(rule, location))
    .toSorted((one, other) => one.latestFinish.getTime() - other.latestFinish.getTime())
  return first
}

/** Where a run that has not begun will deliver; undefined: nowhere, as it will be told. */
async function locationOfFlow(
  options: TellLateOptions,
  { sandbox_id: sandboxId, subject_id: subjectId }: UnfinishedExport,
): Promise<string | undefined> {
  const { db } = options.metadata
  const flow = await selectEntity(db, sandboxId, 'flows', flowIdOf(subjectId))
  const [targetId] = (flow?.document['targetConnectionIds'] ?? []) as readonly string[]
  const row =
    targetId === undefined ? undefined : await selectEntity(db, sandboxId, 'targetConnections', targetId)
  if (!row) return undefined
  const target = readDocument('targetConnections', row.document)
  const kind = destinationKindOf(target.connectionSpec.id)
  if (!kind) return undefined
  const request = { kind, target: target.params, connectionId: target.baseConnectionId }
  try {
    return locationOf(await targetStore(options, sandboxId, request))
  } catch (error) {
    if (error instanceof AppError) return undefined // The run meets it, and fails with it.
    throw error
  }
}
