import { type RawBuilder, sql } from 'kysely'
import type { Db } from './metadata.ts'

/** A page of a list that is ordered by a time, ties by id. */
export interface TimePage {
  readonly limit: number
  readonly isDescending: boolean
  readonly start?: PageStart
  /** The entries before the start, nearest to it. */
  readonly isPrevious?: boolean
}

export type PageStart =
  | { readonly kind: 'offset'; readonly count: number }
  /** With an id: that very entry of those with the same time. */
  | { readonly kind: 'from'; readonly at: Date; readonly id?: string }

export interface PageOf<Row> {
  readonly rows: Row[]
  /** Where the next page starts; undefined: this is the last. */
  readonly next: Row | undefined
  readonly hasPrevious: boolean
}

/** `where`, `order by`, `limit` and `offset` of a page; one more row than the page has tells whether there is another. */
export function pageSql(
  page: TimePage,
  { order, id }: { readonly order: RawBuilder<Date>; readonly id: RawBuilder<string> },
): { readonly where: RawBuilder<boolean>; readonly tail: RawBuilder<unknown> } {
  const { start, limit, isPrevious = false } = page
  const isDown = page.isDescending !== isPrevious
  const direction = isDown ? sql`desc` : sql`asc`
  const offset = start?.kind === 'offset' && !isPrevious ? start.count : 0
  return {
    where: start?.kind === 'from' ? since(start, { order, id, isDown, isPrevious }) : sql<boolean>`true`,
    tail: sql`order by ${order} ${direction}, ${id} ${direction} limit ${limit + 1} offset ${offset}`,
  }
}

function since(
  { at, id: startId }: Extract<PageStart, { readonly kind: 'from' }>,
  {
    order,
    id,
    isDown,
    isPrevious,
  }: {
    readonly order: RawBuilder<Date>
    readonly id: RawBuilder<string>
    readonly isDown: boolean
    readonly isPrevious: boolean
  },
): RawBuilder<boolean> {
  // A previous page ends before the start, any other begins with it.
  const than = sql.raw(`${isDown ? '<' : '>'}${isPrevious ? '' : '='}`)
  return startId === undefined
    ? sql<boolean>`${order} ${than} ${at}`
    : sql<boolean>`(${order}, ${id}) ${than} (${at}::timestamptz, ${startId}::uuid)`
}

/** What was selected by `pageSql`, as the page it is. */
export function pageOfRows<Row>(page: TimePage, selected: readonly Row[]): PageOf<Row> {
  const { start, limit, isPrevious = false } = page
  const hasMore = selected.length > limit
  const rows = selected.slice(0, limit)
  if (!isPrevious) {
    const hasPrevious = start?.kind === 'from' || (start?.kind === 'offset' && start.count > 0)
    return { rows, next: selected[limit], hasPrevious }
  }
  return { rows: rows.toReversed(), next: undefined, hasPrevious: hasMore }
}

/** Pages that short are read whatever their rows hold. */
const shortPageRows = 20
const pageBytesMax = 32 * 1024 * 1024

/** A page of the rows of a source, cut before the row from which on it would hold more text than an answer should. */
export async function selectPage<Row>(
  db: Db,
  page: TimePage,
  select: {
    readonly from: RawBuilder<unknown>
    readonly conditions: readonly RawBuilder<boolean>[]
    readonly order: RawBuilder<Date>
    /** How long a row's texts are. */
    readonly bytes: RawBuilder<unknown>
  },
): Promise<PageOf<Row>> {
  const by = { order: select.order, id: sql<string>`id` }
  const { where, tail } = pageSql(page, by)
  const from = sql`from ${select.from} where ${sql.join([where, ...select.conditions], sql` and `)}`
  const fitting = await pageThatFits(page, async () => {
    const sizes = await sql<{ bytes: string }>`select ${select.bytes} as bytes ${from} ${tail}`.execute(db)
    return sizes.rows
  })
  const { rows } = await sql<Row>`select * ${from} ${pageSql(fitting, by).tail}`.execute(db)
  return pageOfRows(fitting, rows)
}

/** Never cut before its first row. */
async function pageThatFits(
  page: TimePage,
  /** Of its rows, in the order they are selected in. */
  sizesOf: () => Promise<readonly { readonly bytes: string }[]>,
): Promise<TimePage> {
  if (page.limit <= shortPageRows) return page
  let total = 0
  const sizes = await sizesOf()
  const rowCount = sizes.findIndex(({ bytes }) => (total += Number(bytes)) > pageBytesMax)
  return rowCount === -1 ? page : { ...page, limit: Math.max(1, rowCount) }
}

/** Text anywhere in another, as it is. */
export function contains(column: RawBuilder<unknown>, text: string): RawBuilder<boolean> {
  return sql<boolean>`position(lower(${text}) in lower(${column})) > 0`
}
