import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { newUuidId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import {
  insertRun,
  lockDueSchedules,
  lockSchedule,
  type ScheduleRow,
  updateTick,
  upsertSchedule,
} from '#metadata/jobs.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import { due, firstTick, tickAfter } from './due.ts'
import type { RunOrder, Schedule, ScheduleRule } from './jobs.ts'
import { readOptions, writeOptions } from './schedule-options.ts'
import { readRule, writeRule } from './schedule-rule.ts'

/** Schedules one transaction moves on. */
const schedulesMax = 100

/**
 * Creates or replaces a schedule. One whose rule stays keeps the tick it owes, also while it is disabled: enabled
 * again it makes up for all missed ticks by one run.
 */
export async function putSchedule(tx: Transaction, schedule: Schedule, now: Date): Promise<void> {
  const { rule } = schedule
  const before = await lockSchedule(tx, schedule.kind, schedule.subjectId)
  const isSameRule = before !== undefined && writeRule(readRule(before.rule)) === writeRule(rule)
  await upsertSchedule(tx, {
    kind: schedule.kind,
    subject_id: schedule.subjectId,
    rule: writeRule(rule),
    principal_id: schedule.principalId,
    sandbox_id: schedule.sandboxId,
    is_enabled: schedule.isEnabled,
    options: writeOptions(schedule),
    next_at: isSameRule ? before.next_at : (firstTick(rule, { now, isNew: before === undefined }) ?? null),
  })
}

/**
 * Inserts a run for every schedule whose tick has come and moves the schedule on. A second scheduler finds the rows
 * locked or moved, and the run's tick is unique besides.
 */
export async function enqueueDueTicks(options: {
  readonly metadata: Metadata
  readonly clock: Clock
  readonly logger: Logger
  readonly kinds: readonly string[]
}): Promise<number> {
  const { metadata, clock, logger, kinds } = options
  if (kinds.length === 0) return 0
  return await metadata.transaction(async (tx) => {
    const now = clock.now()
    let runCount = 0
    for (const row of await lockDueSchedules(tx, { kinds, now, limit: schedulesMax })) {
      const { rule, tick, nextAt } = ticksOf(row, { now, logger })
      if (tick) {
        const { shares, isCoalesced, ...order } = readOptions(row.options)
        for (const { subjectId, payload } of shares ?? [{ subjectId: row.subject_id, payload: {} }]) {
          const named = { kind: row.kind, subjectId, tick: tick.toISOString() }
          if (isCoalesced === true && (await updateTick(tx, { ...named, now }))) continue
          await insertRun(tx, {
            id: newUuidId('run'),
            kind: row.kind,
            subject_id: subjectId,
            tick: named.tick,
            due_at: tick,
            principal_id: row.principal_id,
            sandbox_id: row.sandbox_id,
            payload: JSON.stringify(payload),
            ...orderColumns(order),
            created_at: now,
            updated_at: now,
          })
          runCount += 1
        }
      }
      const { options: _kept, ...schedule } = row
      await upsertSchedule(tx, {
        ...schedule,
        rule: writeRule(rule),
        next_at: nextAt ?? null,
      })
    }
    return runCount
  })
}

/** A rule that was accepted once and is refused by now has no tick any more: it must not hold up all others. */
function ticksOf(
  row: Pick<ScheduleRow, 'kind' | 'subject_id' | 'rule' | 'next_at'>,
  { now, logger }: { readonly now: Date; readonly logger: Logger },
): { readonly rule: ScheduleRule; readonly tick?: Date | undefined; readonly nextAt?: Date | undefined } {
  const rule = readRule(row.rule)
  try {
    const tick = row.next_at ? due({ rule, owedFrom: row.next_at }, now) : undefined
    return { rule, tick, nextAt: tickAfter(rule, now) }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    logger.log('error', 'job.schedule_refused', { kind: row.kind, subjectId: row.subject_id, error })
    return { rule }
  }
}

export function orderColumns({ priority = 0, lane }: RunOrder) {
  return { priority, lane: lane?.name ?? null, lane_max: lane?.runsMax ?? null }
}
