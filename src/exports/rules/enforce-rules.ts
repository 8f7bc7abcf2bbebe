import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { realPathOf } from '#base/real-path.ts'
import type { PrincipalId, SandboxId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import {
  isInGroups,
  isInRoles,
  lockExported,
  selectExportRules,
  sumExported,
} from '#metadata/export-rules.ts'
import type { Db, Transaction } from '#metadata/metadata.ts'
import { readPlan } from '../export-plan.ts'
import { isAtEndpoint, isOfDataset, isWithin, type NamedRule, parseRule } from './rules.ts'
import { endpointOf, locationOf, type Target } from '../destinations/target.ts'

interface RuleOptions {
  readonly metadata: { readonly db: Db }
  readonly clock: Clock
}

const dayMs = 86_400_000

export async function rulesOf(
  { metadata }: Pick<RuleOptions, 'metadata'>,
  sandboxId: SandboxId,
): Promise<NamedRule[]> {
  const rows = await selectExportRules(metadata.db, sandboxId)
  return rows.map(({ id, name, document }) => ({ id, name, rule: parseRule(document) }))
}

/**
 * Asked when a flow is saved and when its run is planned.
 * @throws AppError 'access.denied' naming the rule
 */
export async function checkDestination(
  options: Pick<RuleOptions, 'metadata'>,
  caller: Caller,
  { datasetId, target }: { readonly datasetId: string; readonly target: Target },
): Promise<void> {
  const [location, endpoint] = [locationOf(target), endpointOf(target)]
  const isAllowed = async (place: string) =>
    target.kind === 'local' && target.realFolder !== undefined
      ? isWithin(target.realFolder, await realPlaceOf(place))
      : isWithin(location, place)
  for (const { name, rule } of await rulesOf(options, caller.sandbox.id)) {
    if (rule.kind !== 'destinations' || !isOfDataset(rule, datasetId)) continue
    if (!(await isFor(options, caller.principal.id, rule))) continue
    const isThere = (await Promise.all(rule.allowed.map(isAllowed))).includes(true)
    if (isThere && isAtEndpoint(endpoint, rule.endpoints)) continue
    const where = endpoint === undefined ? location : `${location} at ${endpoint}`
    throw new AppError(
      'access.denied',
      `The rule ${JSON.stringify(name)} does not allow this dataset to be exported to ${where}.`,
      {
        hint: 'Choose a destination that it allows, or ask who administers exports.',
        detail: { rule: name },
      },
    )
  }
}

/** A folder is where its links lead: one in an allowed folder may lead out of it. */
async function realPlaceOf(place: string): Promise<string> {
  const path = place.replace(/^file:\/\//, '')
  if (!path.startsWith('/')) return place
  return await realPathOf(path).catch(() => path) // What cannot be looked at is no link that a delivery could follow.
}

async function isFor(
  { metadata }: Pick<RuleOptions, 'metadata'>,
  principalId: PrincipalId,
  {
    roleIds,
    groupIds,
  }: { readonly roleIds?: readonly string[] | undefined; readonly groupIds?: readonly string[] | undefined },
): Promise<boolean> {
  if (roleIds && !(await isInRoles(metadata.db, principalId, roleIds))) return false
  return !groupIds || (await isInGroups(metadata.db, principalId, groupIds))
}

/**
 * As `checkQuotas`, for a run that the transaction seals: whoever else seals one in the sandbox waits until it ends, and
 * counts it.
 */
export async function checkQuotasAtSeal(
  tx: Transaction,
  { clock }: Pick<RuleOptions, 'clock'>,
  asked: Parameters<typeof checkQuotas>[1],
): Promise<void> {
  const options = { metadata: { db: tx }, clock }
  if (!(await rulesOf(options, asked.caller.sandbox.id)).some(({ rule }) => rule.kind === 'quota')) return
  await lockExported(tx, asked.caller.sandbox.id)
  await checkQuotas(options, asked)
}

/**
 * Whether so much more may be delivered: asked before a run reads anything, and when it knows what it would deliver.
 * @throws AppError 'export.quota'
 */
export async function checkQuotas(
  options: RuleOptions,
  asked: {
    readonly caller: Caller
    readonly datasetId: string
    readonly location: string
    readonly rows: number
    readonly bytes: number
  },
): Promise<void> {
  const { caller, datasetId, location, rows, bytes } = asked
  const who = { principalId: caller.principal.id, sandboxId: caller.sandbox.id }
  const more = { runs: 1, rows, bytes }
  for (const { name, days, what, total, max } of await quotaTotals(options, {
    ...who,
    datasetId,
    location,
  })) {
    const reached = total + more[what]
    if (reached <= max) continue
    throw new AppError(
      'export.quota',
      `With this run ${reached} ${what} would be exported in ${days} days; the rule ${JSON.stringify(name)} allows ${max}.`,
      { hint: 'What was not delivered comes with a later run, when there is room again.' },
    )
  }
}

/** Of a quota that is nearly used up. */
const nearShare = 0.8

/** Quotas that a delivery, which is sealed, has brought near their ends, in words. */
export async function nearQuotas(options: RuleOptions, delivery: QuotaDelivery): Promise<string[]> {
  return (await quotaTotals(options, delivery))
    .filter(({ total, max }) => max > 0 && total >= nearShare * max)
    .map(
      ({ name, days, what, total, max }) =>
        `${total} ${what} were exported in ${days} days; the rule ${JSON.stringify(name)} allows ${max}.`,
    )
}

interface QuotaDelivery {
  readonly principalId: PrincipalId
  readonly sandboxId: SandboxId
  readonly datasetId: string
  readonly location: string
}

interface QuotaTotal {
  readonly name: string
  readonly days: number
  readonly what: 'runs' | 'rows' | 'bytes'
  /** What is sealed and not yet over included. */
  readonly total: number
  readonly max: number
}

/** How much of each quota that a delivery is of is used. */
async function quotaTotals(options: RuleOptions, delivery: QuotaDelivery): Promise<QuotaTotal[]> {
  const { principalId, sandboxId, datasetId, location } = delivery
  const totals: QuotaTotal[] = []
  for (const { name, rule } of await rulesOf(options, sandboxId)) {
    if (rule.kind !== 'quota' || !isOfDataset(rule, datasetId)) continue
    const { destinations, days } = rule
    const isThere = (place: string) => destinations?.some((one) => isWithin(place, one)) ?? true
    if (!isThere(location) || !(await isFor(options, principalId, rule))) continue
    const sums = await sumExported(options.metadata.db, {
      sandboxId,
      from: new Date(options.clock.now().getTime() - days * dayMs),
      datasetIds: rule.datasetIds,
      roleIds: rule.roleIds,
      groupIds: rule.groupIds,
      ...(rule.isPerUser ? { principalId } : {}),
    })
    const counted = sums.filter((sum) => isThere(sum.location ?? locationOf(readPlan(sum.plan).target)))
    const limits = { runs: rule.runsMax, rows: rule.rowsMax, bytes: rule.bytesMax }
    for (const what of ['runs', 'rows', 'bytes'] as const) {
      const max = limits[what]
      if (max !== undefined)
        totals.push({ name, days, what, total: counted.reduce((sum, one) => sum + one[what], 0), max })
    }
  }
  return totals
}
