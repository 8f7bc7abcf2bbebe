import { expect, test } from 'vitest'
import { silentLogger } from '#base/log.ts'
import { type PageStart, pageOfRows, type TimePage } from '#metadata/page.ts'
import { pagesOfLook, rowsOfPage, tellEach } from './tell-each.ts'

const lookMax = pagesOfLook * rowsOfPage

/** So many rows, one each millisecond, and the ids of those that were told of. */
function rowsOf(count: number) {
  const all = Array.from({ length: count }, (_, index) => ({ id: String(index), at: new Date(index) }))
  const told: string[] = []
  const look = (start: PageStart | undefined, tell: () => Promise<void> = async () => {}) =>
    tellEach(
      { logger: silentLogger },
      {
        alertType: 'late',
        select: async (page: TimePage) => {
          const first = page.start?.kind === 'from' ? page.start.at.getTime() : 0
          return pageOfRows(page, all.slice(first, first + page.limit + 1))
        },
        timeOf: (row) => row.at,
        tell: async ({ id }) => {
          told.push(id)
          await tell()
        },
        start,
      },
    )
  return { all, told, look }
}

test('a look has an end, and the next goes on behind it, whatever could not be told of', async () => {
  const { all, told, look } = rowsOf(lookMax + rowsOfPage + 1)
  const failing = () => Promise.reject(new Error('not now'))
  const start = await look(undefined, failing)
  expect(told).toHaveLength(lookMax)
  expect(await look(start, failing)).toBeUndefined()
  expect(told).toEqual(all.map(({ id }) => id))
})

test('whoever else has something to do has his turn all the while', async () => {
  const { told, look } = rowsOf(rowsOfPage)
  const seen: number[] = []
  const isOver = look(undefined).then(() => true)
  let next = setImmediate(function turn() {
    seen.push(told.length)
    next = setImmediate(turn)
  })
  await isOver
  clearImmediate(next)
  expect(told).toHaveLength(rowsOfPage)
  const steps = seen.map((count, index) => count - (seen[index - 1] ?? 0))
  expect(Math.max(rowsOfPage - (seen.at(-1) ?? 0), ...steps)).toBeLessThan(50)
})
