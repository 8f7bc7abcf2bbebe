import { createHash } from 'node:crypto'
import { z } from 'zod'
import { unreachable } from '#base/assert.ts'
import type { Clock } from '#base/clock.ts'
import { AppError, type ErrorCode, meanings } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { type BatchId, parseId, type TableId } from '#base/ids.ts'
import type { Run } from '#jobs/jobs.ts'
import type { Lease } from '#jobs/jobs.ts'
import type { Lake, Snapshot } from '#lake/lake.ts'
import type { Literal } from '#sql/compile.ts'
import { dataTypeFromJson } from '#types/data-type-json.ts'
import type { Journal, StepPins } from '../journal.ts'

const errorCode = z.custom<ErrorCode>((code) => typeof code === 'string' && code in meanings)
const position = z.object({ offset: z.int(), line: z.int(), column: z.int() })
const id = <K extends 'snapshot' | 'dataset'>(kind: K) => z.string().transform((text) => parseId(kind, text))

/** A literal's value with its JavaScript type, because JSON has neither bigint nor NaN. */
const storedValue = z.discriminatedUnion('is', [
  z.object({ is: z.literal('null') }),
  z.object({ is: z.enum(['string', 'number', 'bigint', 'boolean']), text: z.string() }),
])

const failure = z.object({
  code: errorCode,
  message: z.string(),
  position: position.optional(),
  /** At which step it came. */
  at: z.string(),
})
type Failure = z.infer<typeof failure>

const stepRecord = z.object({
  now: z.iso.datetime().optional(),
  /** By table: its snapshot, null for a table without any. */
  snapshots: z.record(z.string(), id('snapshot').nullable()).optional(),
  variable: z.object({ type: z.unknown(), value: storedValue }).optional(),
  failure: failure.optional(),
  begun: z.literal(true).optional(),
  dropped: id('dataset').optional(),
})
type StepRecord = z.infer<typeof stepRecord>

const progressSchema = z.object({ steps: z.record(z.string(), stepRecord).default({}) })

/** The journal of a run, kept in its progress: every entry is stored before what depends on it is done. */
export class RunJournal implements Journal {
  readonly #run: Run
  readonly #lease: Lease
  readonly #lake: Lake
  readonly #clock: Clock
  readonly #steps: Record<string, StepRecord>
  readonly #begunBefore: ReadonlySet<string>
  /** Why earlier attempts ended the body of a block, by the step at which it came. */
  readonly #endedBefore: ReadonlyMap<string, Failure>
  #current = ''

  constructor(options: {
    readonly run: Run
    readonly lease: Lease
    readonly lake: Lake
    readonly clock: Clock
  }) {
    this.#run = options.run
    this.#lease = options.lease
    this.#lake = options.lake
    this.#clock = options.clock
    this.#steps = progressSchema.parse(options.run.progress).steps
    this.#begunBefore = new Set(Object.keys(this.#steps).filter((step) => this.#steps[step]?.begun))
    const failures = Object.values(this.#steps).flatMap(({ failure }) => failure ?? [])
    this.#endedBefore = new Map(failures.map((failure) => [failure.at, failure]))
  }

  async pins(step: string): Promise<StepPins> {
    const record = this.#steps[step]
    const now = record?.now === undefined ? this.#clock.now() : new Date(record.now)
    const recorded = record?.snapshots ?? {}
    const chosen = new Map<TableId, Promise<Snapshot | undefined>>()
    return {
      now,
      snapshot: (tableId) => {
        const known = chosen.get(tableId)
        if (known) return known
        const earlier = recorded[tableId]
        const snapshot =
          earlier === null
            ? Promise.resolve(undefined)
            : this.#lake.snapshot(tableId, ...(earlier === undefined ? [] : [earlier]))
        chosen.set(tableId, snapshot)
        return snapshot
      },
      keep: async () => {
        if (record?.snapshots) return
        const snapshots: NonNullable<StepRecord['snapshots']> = {}
        for (const [tableId, snapshot] of chosen) snapshots[tableId] = (await snapshot)?.snapshotId ?? null
        await this.#save(step, { now: now.toISOString(), snapshots })
      },
    }
  }

  async unpin(step: string): Promise<void> {
    if (!this.#steps[step]?.snapshots) return
    const { snapshots: _removed, ...rest } = this.#steps[step]
    this.#steps[step] = rest
    await this.#save(step, {})
  }

  variable(step: string): Literal | undefined {
    const recorded = this.#steps[step]?.variable
    return recorded && { type: dataTypeFromJson(recorded.type), value: valueOf(recorded.value) }
  }

  async recordVariable(step: string, { type, value }: Literal): Promise<void> {
    const stored =
      value === null
        ? ({ is: 'null' } as const)
        : { is: typeof value as 'string' | 'number' | 'bigint' | 'boolean', text: String(value) }
    await this.#save(step, { variable: { type, value: stored } })
  }

  async recordFailure(step: string, { code, message, position }: AppError): Promise<void> {
    const failed = { code, message, ...(position ? { position } : {}), at: this.#current }
    await this.#save(step, { failure: failed })
  }

  async noteBegun(step: string): Promise<void> {
    if (!this.#steps[step]?.begun) await this.#save(step, { begun: true })
  }

  wasBegun(step: string): boolean {
    return this.#begunBefore.has(step)
  }

  dropped(step: string) {
    return this.#steps[step]?.dropped
  }

  async recordDrop(step: string, datasetId: Parameters<Journal['recordDrop']>[1]): Promise<void> {
    await this.#save(step, { dropped: datasetId })
  }

  batchId(step: string): BatchId {
    return stepBatchId(this.#run, step)
  }

  get owner(): readonly string[] {
    return ['run', this.#run.id]
  }

  readonly mark = (step: string): string => `${this.#run.id}/${step}`

  async assertHeld(tx: Parameters<Journal['assertHeld']>[0]): Promise<void> {
    await this.#lease.assertHeld(tx)
  }

  async enter(step: string): Promise<void> {
    this.#current = step
    await faultPoint('query.step.before')
    const ended = this.#endedBefore.get(step)
    if (!ended) return
    const { code, message, position } = ended
    throw new AppError(code, message, position ? { position } : {})
  }

  async leave(): Promise<void> {
    await faultPoint('query.step.after')
  }

  async #save(step: string, change: StepRecord): Promise<void> {
    this.#steps[step] = { ...this.#steps[step], ...change }
    await this.#lease.saveProgress({ steps: this.#steps })
  }
}

function valueOf(stored: z.infer<typeof storedValue>): Literal['value'] {
  switch (stored.is) {
    case 'null':
      return null
    case 'number':
      return Number(stored.text)
    case 'bigint':
      return BigInt(stored.text)
    case 'boolean':
      return stored.text === 'true'
    case 'string':
      return stored.text
    default:
      return unreachable(stored)
  }
}

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** A ULID that is the same whenever it is asked for: the run's time, then 80 bits of run and step. */
export function stepBatchId(run: Pick<Run, 'id' | 'createdAt'>, step: string): BatchId {
  const time = BigInt(run.createdAt.getTime()) & 0xffff_ffff_ffffn
  const hash = createHash('sha256').update(`${run.id}/${step}`).digest('hex').slice(0, 20)
  let bits = (time << 80n) | BigInt(`0x${hash}`)
  let text = ''
  for (let index = 0; index < 26; index++) {
    text = `${crockford[Number(bits & 31n)]}${text}`
    bits >>= 5n
  }
  return parseId('batch', text)
}
