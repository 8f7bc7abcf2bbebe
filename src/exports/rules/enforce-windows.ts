import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import type { SandboxId } from '#base/ids.ts'
import type { Db } from '#metadata/metadata.ts'
import { closesAt, type DeliveryWindow, opensAt } from './delivery-window.ts'
import { rulesOf } from './enforce-rules.ts'
import { type ExportRule, isOfDataset, isWithin } from './rules.ts'

export interface WindowOptions {
  readonly metadata: { readonly db: Db }
  readonly clock: Clock
}

/** What is delivered to where. */
export interface Delivered {
  readonly sandboxId: SandboxId
  readonly datasetId: string
  readonly location: string
}

export interface NamedWindow {
  readonly name: string
  readonly window: DeliveryWindow
}

/** The end of a window that does not let a delivery go on. */
export interface WindowClose {
  readonly name: string
  readonly onClose: 'pause' | 'fail'
  /** Now, if it is closed. */
  readonly at: Date
}

export type WindowRule = Extract<ExportRule, { kind: 'window' }>

export function isForPlace({ destinations }: WindowRule, location: string): boolean {
  return destinations === undefined || destinations.some((place) => isWithin(location, place))
}

async function windowsOf(options: WindowOptions, delivered: Delivered): Promise<readonly NamedWindow[]> {
  const { sandboxId, datasetId, location } = delivered
  return (await rulesOf(options, sandboxId)).flatMap(({ name, rule }) =>
    rule.kind === 'window' && isOfDataset(rule, datasetId) && isForPlace(rule, location)
      ? [{ name, window: rule.window }]
      : [],
  )
}

/** When the windows of a delivery that has not begun are all open again; undefined: they are now. */
export async function closedUntil(
  options: WindowOptions,
  delivered: Delivered,
): Promise<{ readonly name: string; readonly until: Date } | undefined> {
  return latestOpening(await windowsOf(options, delivered), options.clock.now())
}

/** The window of which as many deliveries are under way as it takes at a time, if there is one. */
export async function fullWindow(
  options: WindowOptions,
  delivered: Delivered,
  /** Of the sandbox, but not this one. */
  underWay: readonly Delivered[],
): Promise<NamedWindow | undefined> {
  const rules = await rulesOf(options, delivered.sandboxId)
  const full = rules.find(({ rule }) => {
    if (rule.kind !== 'window' || rule.window.parallelRunsMax === undefined) return false
    const isOf = ({ datasetId, location }: Delivered) =>
      isOfDataset(rule, datasetId) && isForPlace(rule, location)
    return isOf(delivered) && underWay.filter(isOf).length >= rule.window.parallelRunsMax
  })
  return full?.rule.kind === 'window' ? { name: full.name, window: full.rule.window } : undefined
}

/** As `closedUntil`, for a delivery that has begun: windows that let it finish don't keep it. */
export async function pausedUntil(options: WindowOptions, delivered: Delivered): Promise<Date> {
  const now = options.clock.now()
  const windows = (await windowsOf(options, delivered)).filter(({ window }) => window.onClose !== 'finish')
  return latestOpening(windows, now)?.until ?? now
}

/** The next end of a window that a delivery must mind; of two at once the one that fails it. */
export async function nextClose(
  options: WindowOptions,
  delivered: Delivered,
): Promise<WindowClose | undefined> {
  const now = options.clock.now()
  const closes = (await windowsOf(options, delivered)).flatMap(({ name, window }): WindowClose[] => {
    const { onClose } = window
    if (onClose === 'finish') return []
    const at = opensAt(window, now) === undefined ? closesAt(window, now) : now
    return at ? [{ name, onClose, at }] : []
  })
  const [first] = closes.toSorted(
    (one, other) =>
      one.at.getTime() - other.at.getTime() ||
      Number(other.onClose === 'fail') - Number(one.onClose === 'fail'),
  )
  return first
}

/** @throws AppError 'flow.invalid' when one never opens again */
function latestOpening(windows: readonly NamedWindow[], now: Date) {
  let latest: { readonly name: string; readonly until: Date } | undefined
  for (const { name, window } of windows) {
    const until = opensAt(window, now)
    if (until === undefined) continue
    if (until === 'never')
      throw new AppError('flow.invalid', `The window ${JSON.stringify(name)} never opens again.`)
    if (!latest || until > latest.until) latest = { name, until }
  }
  return latest
}
