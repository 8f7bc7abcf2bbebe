import { setImmediate } from 'node:timers/promises'
import type { Logger } from '#base/log.ts'
import type { PageOf, PageStart, TimePage } from '#metadata/page.ts'

/** Rows read at once. */
export const rowsOfPage = 1_000
/** Of one look; the next goes on behind them. */
export const pagesOfLook = 10
/** Rows after which whoever else waits for the server's thread has his turn. */
const rowsOfTurn = 20

/**
 * Tells of every row that a question finds, a page after the other, oldest first. What cannot be told of is logged, the
 * first of each look with its reason, and keeps nothing else from being told of. Returns where the next look goes on;
 * undefined: it begins again.
 */
export async function tellEach<Row extends { readonly id: string }>(
  { logger }: { readonly logger: Logger },
  alert: {
    readonly alertType: string
    readonly select: (page: TimePage) => Promise<PageOf<Row>>
    /** What the pages are in the order of. */
    readonly timeOf: (row: Row) => Date
    readonly tell: (row: Row) => Promise<void>
    /** Where the look before has ended. */
    readonly start: PageStart | undefined
  },
): Promise<PageStart | undefined> {
  const failures: { readonly id: string; readonly error: unknown }[] = []
  let { start } = alert
  let pageCount = 0
  do {
    const { rows, next } = await alert.select({
      limit: rowsOfPage,
      isDescending: false,
      ...(start === undefined ? {} : { start }),
    })
    for (const [index, row] of rows.entries()) {
      if (index % rowsOfTurn === 0) await setImmediate()
      await alert.tell(row).catch((error: unknown) => failures.push({ id: row.id, error }))
    }
    start = next && { kind: 'from', at: alert.timeOf(next), id: next.id }
    pageCount += 1
  } while (start !== undefined && pageCount < pagesOfLook)
  const [first] = failures
  if (first) {
    const { alertType } = alert
    logger.log('warn', 'export.alert_failed', { alertType, count: failures.length, ...first })
  }
  return start
}
