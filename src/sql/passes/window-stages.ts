import { must } from '#base/assert.ts'
import type { BoundCall, BoundExpression } from '../bind/bound.ts'
import { childrenOf, keyOf, orderingKey } from '../bind/walk.ts'

export function isWindow(value: BoundExpression): value is BoundCall {
  return value.kind === 'call' && value.over !== undefined
}

interface PlacedWindows {
  /** Each different window once. */
  readonly windows: readonly BoundCall[]
  /** From 1, by key. */
  readonly stageOf: ReadonlyMap<string, number>
  readonly stageCount: number
}

/**
 * Which stage computes which window: not before the windows inside it, and else where its rows are sorted anyway.
 */
export function placedWindows(expressions: readonly BoundExpression[]): PlacedWindows {
  const windows = new Map<string, BoundCall>()
  const levels = new Map<BoundExpression, number>()
  const stageOf = new Map<string, number>()
  const levelOf = (value: BoundExpression): number => {
    const known = levels.get(value)
    if (known !== undefined) return known
    const inside = Math.max(0, ...childrenOf(value).map(levelOf))
    const level = isWindow(value) ? inside + 1 : inside
    if (isWindow(value)) {
      windows.set(keyOf(value), windows.get(keyOf(value)) ?? value)
      stageOf.set(keyOf(value), level)
    }
    levels.set(value, level)
    return level
  }
  const stageCount = Math.max(0, ...expressions.map(levelOf))
  const inner = new Set<string>()
  const markInner = (value: BoundExpression): void => {
    if (isWindow(value)) inner.add(keyOf(value))
    childrenOf(value).forEach(markInner)
  }
  for (const window of windows.values()) childrenOf(window).forEach(markInner)
  delay(
    [...windows.values()].filter((window) => !inner.has(keyOf(window))),
    { windows, stageOf, inner },
  )
  return { windows: [...windows.values()], stageOf, stageCount }
}

interface Placing {
  readonly windows: ReadonlyMap<string, BoundCall>
  readonly stageOf: Map<string, number>
  readonly inner: ReadonlySet<string>
}

/** A window nobody waits for goes where another one has its rows in its order already. */
function delay(free: readonly BoundCall[], { windows, stageOf, inner }: Placing): void {
  const stage = (key: string): number => must(stageOf.get(key), 'every window is placed')
  const sorted = new Map<string, Set<number>>()
  for (const [key, window] of windows) {
    const over = must(window.over, 'a window')
    const stages = sorted.get(orderingKey(over)) ?? new Set()
    if (inner.has(key)) stages.add(stage(key))
    sorted.set(orderingKey(over), stages)
  }
  for (const window of [...free].sort((one, other) => stage(keyOf(other)) - stage(keyOf(one)))) {
    const stages = must(sorted.get(orderingKey(must(window.over, 'a window'))), 'every order is known')
    const own = stage(keyOf(window))
    const later = [...stages].filter((one) => one >= own)
    const chosen = stages.has(own) || later.length === 0 ? own : Math.min(...later)
    stageOf.set(keyOf(window), chosen)
    stages.add(chosen)
  }
}
