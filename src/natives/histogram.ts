import { native, type NativeFunction } from './native.ts'

/** Each value that is in no bin looks at all of them. */
const binsMax = 10_000

interface Bin {
  x: number
  y: number
}

/**
 * At most so many bins, the two nearest ones merged with each value that is one too many.
 * @see Ben-Haim and Tom-Tov, "A streaming parallel decision tree algorithm", J. Machine Learning Research 11 (2010)
 */
export const histogramFunctions: readonly NativeFunction[] = [
  native('native_histogram', ['doubles', 'integer'], 'pairs', (values, most) => {
    if (most < 2 || most > binsMax) {
      throw new Error(`A histogram has 2 to ${binsMax} bins, not ${most}.`)
    }
    const bins: Bin[] = []
    for (const value of values) {
      const place = bins.findIndex(({ x }) => x >= value)
      const at = place < 0 ? bins.length : place
      const same = bins[at]
      if (same?.x === value) same.y += 1
      else {
        bins.splice(at, 0, { x: value, y: 1 })
        if (bins.length > most) merge(bins)
      }
    }
    return bins.map(({ x, y }) => [x, y])
  }),
]

function merge(bins: Bin[]): void {
  let [at, least] = [0, Infinity]
  for (let index = 0; index + 1 < bins.length; index += 1) {
    const gap = (bins[index + 1]?.x ?? 0) - (bins[index]?.x ?? 0)
    // Between two infinities, or beside NaN, there is no gap that could be compared.
    if (gap < least) [at, least] = [index, gap]
  }
  const [left, right] = bins.slice(at, at + 2)
  if (!left || !right) return
  const y = left.y + right.y
  bins.splice(at, 2, { x: (left.x * left.y + right.x * right.y) / y, y })
}
