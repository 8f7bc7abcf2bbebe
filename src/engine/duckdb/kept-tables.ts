import type { KeyedScan } from '../engine.ts'
import { bounded, isKey } from './bounded.ts'
import type { Instances } from './instances.ts'
import { KeptRows, type KeptTable, type Lookup } from './kept-rows.ts'
import type { WireStatement } from './protocol.ts'

/**
 * After so many look-ups in the same files their rows are kept, or a column gets an index. Measured on a million rows of
 * nine columns: reading the files for one row takes 18 ms of processor, keeping them 230 ms, an index of integers 200 ms and
 * one of texts that are all different 3.8 s; so the work is never more than about doubled.
 */
const askedEnough = { keep: 16, integer: 16, text: 512 } as const
/** Since they were last asked for. */
const keptMs = 60_000
/** What is too large, or was gone, is not tried again for so long. */
const refusedMs = 600_000
/** Sets of files that are remembered, and forms of statements that are none for kept rows. */
const [setsMax, formsMax] = [256, 256]
const tablesMax = 16
/** Of the memory for all, what the statements in one instance share. */
const workFraction = 1 / 8

/** Columns that were wanted of some rows, and how often those that were keys. */
interface Wanted {
  readonly columns: Set<string>
  readonly keys: Map<string, WantedKey>
}

interface WantedKey {
  readonly kind: KeyedScan['keys'][number]['kind']
  askedCount: number
  /** Whether few rows have the same value; undefined: nobody has looked. */
  isKey: boolean | undefined
}

/** What is known of one set of files. */
interface FileSet {
  /** Look-ups that found nothing kept. */
  missCount: number
  /** By the scans' rows. */
  readonly wanted: Map<string, Wanted>
  rows: KeptRows | undefined
  ending: NodeJS.Timeout | undefined
  lastAt: number
  refusedUntil: number
}

/** A look-up under way; what it says of the statement holds for those of the same form. */
export interface KeptLookup extends Lookup {
  /** It is not to run here again. */
  refuse(): void
  /** Nor is any other. */
  forget(): void
}

/**
 * Keeps the rows of files in which single rows are looked up again and again. Files never change, so what is kept is right
 * for as long as the same files are asked for: a table that has changed has others.
 */
export class KeptTables {
  readonly #instances: Instances
  readonly #bytesMax: number
  /** The one asked for last at the end. */
  readonly #sets = new Map<string, FileSet>()
  /** Until when. */
  readonly #refusedForms = new Map<string, number>()
  /** Also what has ended, as long as somebody is in it. */
  readonly #held = new Set<KeptRows>()
  #isLoading = false

  constructor(instances: Instances, bytesMax: number) {
    this.#instances = instances
    this.#bytesMax = bytesMax
  }

  /** Undefined: the statement's rows are not kept. */
  async open({ sql, files, lookups }: WireStatement): Promise<KeptLookup | undefined> {
    if (!lookups || this.#bytesMax === 0) return undefined
    const form = formOf(sql)
    if (performance.now() < (this.#refusedForms.get(form) ?? 0)) return undefined
    const set = this.#setOf(files)
    note(set, lookups)
    if (!mayHaveKeys(set, lookups)) return undefined
    const { rows } = set
    if (!rows?.has(lookups)) {
      set.missCount += 1
      if (set.missCount >= askedEnough.keep) void this.#load(set, files, lookups)
      return undefined
    }
    set.ending?.refresh()
    if (rows.isWithoutIndexOf(tablesFor(set, lookups))) void this.#load(set, files, lookups)
    const lookup = await rows.open(sql, lookups).catch(() => undefined) // It can run elsewhere.
    return lookup && { ...lookup, refuse: () => this.#refuse(form), forget: () => forget(set, rows) }
  }

  #setOf(files: readonly string[]): FileSet {
    const key = JSON.stringify(files)
    const now = performance.now()
    const known = this.#sets.get(key)
    const isNew = known === undefined || (known.rows === undefined && now - known.lastAt > keptMs)
    const set = isNew
      ? {
          missCount: 0,
          wanted: new Map(),
          rows: undefined,
          ending: undefined,
          lastAt: now,
          refusedUntil: known?.refusedUntil ?? 0,
        }
      : known
    set.lastAt = now
    this.#sets.delete(key)
    this.#sets.set(key, set)
    for (const [oldest, { rows }] of this.#sets) {
      if (this.#sets.size <= setsMax) break
      if (rows === undefined) this.#sets.delete(oldest)
    }
    return set
  }

  async #load(set: FileSet, files: readonly string[], lookups: readonly KeyedScan[]): Promise<void> {
    if (this.#isLoading || performance.now() < set.refusedUntil) return
    this.#isLoading = true
    try {
      forget(set)
      const bytesMax = this.#room()
      const workBytes = this.#bytesMax * workFraction
      if (bytesMax < 2 * workBytes) return // Until others are not asked for any more.
      const rows = await this.#loaded(set, { files, lookups, bytesMax, workBytes })
      set.missCount = 0
      if (!rows) return
      this.#held.add(rows)
      set.rows = rows
      set.ending = setTimeout(() => forget(set), keptMs).unref()
    } catch {
      set.refusedUntil = performance.now() + refusedMs // Statements read the files, as they did.
    } finally {
      this.#isLoading = false
      this.#instances.refill()
    }
  }

  /** Undefined: what is looked for are no keys. */
  async #loaded(
    set: FileSet,
    options: {
      readonly files: readonly string[]
      readonly lookups: readonly KeyedScan[]
      readonly bytesMax: number
      readonly workBytes: number
    },
  ): Promise<KeptRows | undefined> {
    const { lookups } = options
    const instance = await this.#instances.take()
    using stack = new DisposableStack()
    stack.defer(() => instance.closeSync())
    const place = await bounded(instance, options)
    stack.defer(() => place.connection.closeSync())
    for (const { whole, keys } of lookups) {
      for (const { name } of keys) {
        const key = set.wanted.get(whole)?.keys.get(name)
        if (key) key.isKey ??= await isKey(place, whole, name)
      }
    }
    if (!mayHaveKeys(set, lookups)) return undefined
    const rows = await KeptRows.load(place, { ...options, tables: tablesFor(set, lookups) })
    stack.move()
    return rows
  }

  /** What nobody has; where it is little, of those that were not asked for lately. */
  #room(): number {
    const free = (): number => {
      for (const rows of this.#held) if (rows.isClosed) this.#held.delete(rows)
      return [...this.#held].reduce((left, { bytesMax }) => left - bytesMax, this.#bytesMax)
    }
    const lately = performance.now() - keptMs / 6
    for (const set of this.#sets.values()) {
      if (free() >= this.#bytesMax / 2) break
      if (set.lastAt < lately) forget(set)
    }
    return free()
  }

  #refuse(form: string): void {
    if (this.#refusedForms.size === formsMax) this.#refusedForms.clear()
    this.#refusedForms.set(form, performance.now() + refusedMs)
  }
}

function note(set: FileSet, lookups: readonly KeyedScan[]): void {
  if (set.wanted.size > tablesMax) set.wanted.clear() // Of earlier schemas.
  for (const { whole, columns, keys } of lookups) {
    const wanted: Wanted = set.wanted.get(whole) ?? { columns: new Set(), keys: new Map() }
    set.wanted.set(whole, wanted)
    for (const name of columns) wanted.columns.add(name)
    for (const { name, kind } of keys) {
      const key: WantedKey = wanted.keys.get(name) ?? { kind, askedCount: 0, isKey: undefined }
      key.askedCount += 1
      wanted.keys.set(name, key)
    }
  }
}

/** Whether each scan is by some column that is a key, as far as is known. */
function mayHaveKeys({ wanted }: FileSet, lookups: readonly KeyedScan[]): boolean {
  return lookups.every(({ whole, keys }) =>
    keys.some(({ name }) => wanted.get(whole)?.keys.get(name)?.isKey !== false),
  )
}

/** With all columns that were wanted so far. */
function tablesFor({ wanted }: FileSet, lookups: readonly KeyedScan[]): readonly KeptTable[] {
  return lookups.flatMap(({ whole }, index) => {
    const of = wanted.get(whole)
    if (!of || lookups.findIndex((one) => one.whole === whole) < index) return []
    return [{ whole, columns: new Set(of.columns), indexed: keysAskedEnough(of.keys) }]
  })
}

function keysAskedEnough(keys: Wanted['keys']): ReadonlySet<string> {
  const enough = [...keys].filter(
    ([, { kind, askedCount, isKey }]) => isKey !== false && askedCount >= askedEnough[kind],
  )
  return new Set(enough.map(([name]) => name))
}

function forget(set: FileSet, rows = set.rows): void {
  if (!rows || rows !== set.rows) return // Others came in its place.
  clearTimeout(set.ending)
  rows.end()
  set.rows = undefined
}

/** The statement without its constants. */
function formOf(sql: string): string {
  return sql.replaceAll(/'(?:[^']|'')*'|\d+(?:\.\d+)?/g, '?')
}
