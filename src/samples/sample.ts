/** How large a sample is, and which: the same scale makes the same rows. */
export interface SampleScale {
  readonly profiles: number
  readonly days: number
  readonly seed: number
  /** The last day of the events, `YYYY-MM-DD` in UTC. */
  readonly lastDay: string
}

export interface SampleDataset {
  readonly name: string
  /** Its name in SQL. */
  readonly table: string
  readonly description: string
  /** The level of the reference product that has it, where it says so. */
  readonly tier?: 'Prime' | 'Ultimate'
  readonly kind: 'events' | 'records'
  /** Of the reference product's own: read-only once it is filled. */
  readonly isSystem?: boolean
  /** Nothing ever comes into it. */
  readonly isEmpty?: boolean
  readonly schema: Readonly<Record<string, unknown>>
}

export interface SampleRow {
  readonly table: string
  readonly row: Readonly<Record<string, unknown>>
}

/** What a query must answer. */
export interface Answer {
  /** Beside the query's defaults. */
  readonly parameters: Readonly<Record<string, string>>
  readonly rows: readonly (readonly unknown[])[]
}

/** What is true of a generated sample, reckoned while it was made and not from its rows. */
export interface Truth {
  readonly rows: Readonly<Record<string, number>>
  /** By the names of the sample's queries. */
  readonly answers: Readonly<Record<string, Answer>>
}

export interface Generation {
  /** Taken once; held in memory are few at a time, whatever the scale. */
  readonly rows: Iterable<SampleRow>
  /** Complete once all rows were taken. */
  truth(): Truth
}

/** An invented customer: datasets, what fills them, and questions with known answers. */
export interface Sample {
  readonly name: string
  readonly description: string
  readonly defaults: Omit<SampleScale, 'lastDay'>
  datasets(sandbox: string): readonly SampleDataset[]
  /** What its queries' parameters are in a sandbox, when not as they say. */
  parameters(sandbox: string): Readonly<Record<string, string>>
  generate(scale: SampleScale, sandbox: string): Generation
}

export const profilesMin = 100
export const profilesMax = 10_000_000
export const daysMin = 21
export const daysMax = 400
