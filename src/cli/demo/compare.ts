import { CliError, exitCodes } from '../exit-code.ts'
import { number } from '../text.ts'
import type { DemoMemory } from './demo-home.ts'
import { readDeliveries } from './delivered.ts'
import { daysBefore } from './plan.ts'
import type { Stage } from './stage.ts'

/** As far as examples/data-feed.sql looks back. */
const lookBackDays = 90

/**
 * Expected: the events with a person, counted in `web_events`. Found: the rows of the delivered files, read file by
 * file. They must be the same events, each once.
 */
export async function compareDeliveries(
  { host, asker, narrator, folder }: Stage,
  { plan, feedDays }: DemoMemory,
): Promise<void> {
  const { terminal } = narrator
  terminal.progress('Reading the delivered files …')
  const { boundaryDay, firstDay, endDay } = plan
  const from = feedDays.map((day) => later(firstDay, daysBefore(day, lookBackDays)))
  const idsOf = async (fromDay: string, toDay: string) =>
    (
      await asker.rows(`SELECT _id FROM web_events WHERE identityMap['ECID'][0].id IS NOT NULL
        AND timestamp >= cast('${fromDay}' AS timestamp) AND timestamp < cast('${toDay}' AS timestamp)`)
    ).map(([id]) => String(id))
  const expected = [
    await idsOf(from[0] ?? firstDay, boundaryDay),
    await idsOf(later(boundaryDay, from[1] ?? boundaryDay), endDay),
  ]
  // A schedule that ran meanwhile may have delivered nothing: such deliveries have a manifest and no rows.
  const found = (await readDeliveries(host, folder))
    .map((delivery) => delivery.eventIds)
    .filter((ids) => ids.length > 0)
  const rows = ['first delivery', 'second delivery'].map((label, index) => ({
    label,
    expected: expected[index] ?? [],
    found: found[index] ?? [],
  }))
  rows.push({ label: 'together', expected: expected.flat(), found: found.flat() })
  const { green, red } = terminal.style
  narrator.text('')
  narrator.table(
    [{ title: '' }, { title: 'expected', isNumber: true }, { title: 'found', isNumber: true }, { title: '' }],
    rows.map((row) => [
      row.label,
      number(row.expected.length),
      number(row.found.length),
      isSame(row) ? '✓' : '✗',
    ]),
  )
  const isRight = rows.every(isSame)
  narrator.text(
    isRight
      ? `${green('✓')} The delivered files hold every event with a person exactly once.`
      : `${red('✗')} The delivered files are not the events with a person.`,
  )
  await tellOlder({ narrator, asker }, from[0] ?? firstDay)
  if (!isRight) throw new CliError(exitCodes.failed, 'Expected and found differ.')
}

async function tellOlder(
  { narrator, asker }: Pick<Stage, 'narrator' | 'asker'>,
  fromDay: string,
): Promise<void> {
  const older = await asker.count(
    `SELECT count(*) FROM web_events WHERE timestamp < cast('${fromDay}' AS timestamp)`,
  )
  if (older === 0) return
  narrator.text(
    narrator.terminal.style.dim(
      `  (${number(older)} events are older than the ${lookBackDays} days the feed looks back; they stay in web_events.)`,
    ),
  )
}

/** The same ids, none twice. */
function isSame(row: { readonly expected: readonly string[]; readonly found: readonly string[] }): boolean {
  const wanted = new Set(row.expected)
  const got = new Set(row.found)
  return got.size === row.found.length && got.size === wanted.size && row.expected.every((id) => got.has(id))
}

const later = (one: string, other: string) => (one > other ? one : other)
