import type { Dataset } from '#datasets/datasets.ts'

/** On datasets that end with the session or run that made them; lists of tables leave them out. */
export const temporaryTag = 'sluice/temporary'

/** On the same: with whose end they end, as `session`, node and its life, or `run` and its id. */
export const ownerTag = 'sluice/temporary-owner'

/**
 * On datasets that a statement made to fill them, until their rows are there: whose statement it is, in the same words.
 * Nobody reads one as a table.
 */
export const fillerTag = 'sluice/filled-by'

export function sessionOwner({
  nodeId,
  incarnation,
}: {
  readonly nodeId: string
  readonly incarnation: string
}): readonly string[] {
  return ['session', nodeId, incarnation]
}

/** Statistics that are kept in a temporary table. */
export interface KeptStatistics {
  /** The temporary table's name. */
  readonly id: string
  readonly tableName: string
  readonly columnSet: string
  readonly filter: string | undefined
  readonly at: Date
}

/** Tables of one session or run, by the names its statements call them. They hide stored tables of the same names. */
export class TemporaryTables {
  readonly #tables = new Map<string, Dataset>()
  readonly #statistics = new Map<string, KeptStatistics>()

  get(parts: readonly string[]): Dataset | undefined {
    const [name, ...more] = parts
    return name === undefined || more.length > 0 ? undefined : this.#tables.get(name.toLowerCase())
  }

  addStatistics(statistics: KeptStatistics): void {
    this.#statistics.set(statistics.id.toLowerCase(), statistics)
  }

  /** Of tables that are still there, in order of their making. */
  statistics(): readonly KeptStatistics[] {
    return [...this.#statistics].flatMap(([name, statistics]) => (this.#tables.has(name) ? [statistics] : []))
  }

  has({ id }: Pick<Dataset, 'id'>): boolean {
    return [...this.#tables.values()].some((table) => table.id === id)
  }

  set(name: string, dataset: Dataset): void {
    this.#tables.set(name.toLowerCase(), dataset)
  }

  remove(dataset: Dataset): void {
    for (const [name, { id }] of this.#tables) if (id === dataset.id) this.#tables.delete(name)
  }

  /** Deletes them all; one that is gone already does not matter. */
  async clear(drop: (dataset: Dataset) => Promise<void>): Promise<void> {
    for (const [name, dataset] of this.#tables) {
      this.#tables.delete(name)
      await drop(dataset).catch(() => undefined)
    }
  }
}
