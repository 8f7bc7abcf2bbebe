import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { number } from '../text.ts'
import { type DemoMemory, writeMemory } from './demo-home.ts'
import { ensureSchedule, runSchedule, runStatements } from './demo-sql.ts'
import type { Stage } from './stage.ts'

/** Tables and schedule of the data feed, made when they are missing; returns the schedule's id. */
export async function ensureFeed({ client, narrator, examples }: Stage): Promise<string> {
  await runStatements(client, await readFile(join(examples, 'data-feed-setup.sql'), 'utf8'))
  const sql = await readFile(join(examples, 'data-feed.sql'), 'utf8')
  const schedule = await ensureSchedule(client, { name: 'data feed', sql, cron: '0 6 * * *' })
  const when = schedule.isNew ? 'is now scheduled' : 'is scheduled'
  narrator.text(`examples/data-feed.sql ${when} for 06:00 UTC every day, and is run by hand here`)
  return schedule.id
}

/** Runs the feed unless the rows of the batch are in it. Returns what is to be remembered from here on. */
export async function feedBatch(
  { client, asker, narrator, config }: Stage,
  options: { readonly memory: DemoMemory; readonly scheduleId: string; readonly batch: 1 | 2 },
): Promise<DemoMemory> {
  const { memory, scheduleId, batch } = options
  const side = batch === 1 ? '<' : '>='
  const count = `SELECT count(*) FROM data_feed WHERE timestamp ${side} cast('${memory.plan.boundaryDay}' AS timestamp)`
  const there = await asker.count(count)
  if (there > 0) {
    narrator.figure('data_feed has them', number(there), 'rows, from before')
    return memory
  }
  const today = new Date().toISOString().slice(0, 10)
  const next = { ...memory, feedDays: [...memory.feedDays.slice(0, batch - 1), today] }
  await writeMemory(config.home, next)
  await runSchedule(client, scheduleId)
  narrator.figure('appended to data_feed', number(await asker.count(count)), 'rows')
  return next
}
