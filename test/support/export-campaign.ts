import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { fc } from './fast-check.ts'
import { armFaults, type FaultPoint, faultPoints } from '../../src/base/faults.ts'
import type { FlowId, RunId } from '../../src/base/ids.ts'
import type { Dataset } from '../../src/datasets/datasets.ts'
import { verifyLocation } from '../../src/exports/verify/verify.ts'
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts'
import { type DestinationServer, startDestination, type TestDestination } from './destinations.ts'
import { ExportBed, type Node } from './exports.ts'
import { type Fault, type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import { collectAll } from './object-store-contract.ts'

/** A flow's life: runs one after the other, to each of which something may happen. */
export type Life = readonly Step[]

interface Step {
  /** Appended before the run. */
  readonly rows: number
  readonly network: Network
  readonly process: Happening
}

type Network =
  | { readonly kind: 'quiet' }
  /** For SFTP the connection breaks at this piece instead. */
  | { readonly kind: 'faults'; readonly faults: readonly Stumble[]; readonly piece: number }
  /** From this request on all are refused, until somebody mends it: a run that is sealed waits for that, others fail. */
  | { readonly kind: 'refused'; readonly skip: number }

interface Stumble {
  readonly method: string
  readonly fault: Fault
  readonly times: number
  readonly skip: number
}

type Happening =
  | { readonly kind: 'nothing' }
  /** The server is never heard of again; its next life goes on. */
  | { readonly kind: 'gone'; readonly point: FaultPoint }
  /** It is taken for gone, and goes on beside its next life. */
  | { readonly kind: 'zombie'; readonly point: FaultPoint }
  | { readonly kind: 'throws'; readonly point: FaultPoint }
  /** What was staged is not there any longer when it is to be made visible. */
  | { readonly kind: 'vanished' }

const secondsPass = 5
const mendedMs = 3_000

const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ kind: fc.constant('slow' as const), delayMs: fc.integer({ min: 1, max: 40 }) }),
  fc.constantFrom<Fault>(
    { kind: 'status', status: 503, code: 'SlowDown' },
    { kind: 'status', status: 500, code: 'InternalError' },
    { kind: 'reset' },
    { kind: 'lost' },
  ),
  fc.record({ kind: fc.constant('truncated' as const), afterBytes: fc.integer({ min: 0, max: 400 }) }),
  fc.record({ kind: fc.constant('corrupt' as const), atByte: fc.integer({ min: 0, max: 400 }) }),
  fc.record({ kind: fc.constant('corrupt request' as const), atByte: fc.integer({ min: 0, max: 400 }) }),
)

const network: fc.Arbitrary<Network> = fc.oneof(
  fc.constant<Network>({ kind: 'quiet' }),
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('faults' as const),
      faults: fc.array(
        fc.record({
          method: fc.constantFrom('PUT', 'PUT', 'POST', 'GET', 'HEAD', 'DELETE'),
          fault,
          times: fc.integer({ min: 1, max: 2 }),
          skip: fc.nat(5),
        }),
        { minLength: 1, maxLength: 3 },
      ),
      piece: fc.nat(60),
    }),
  },
  fc.record({ kind: fc.constant('refused' as const), skip: fc.nat(8) }),
)

const points = faultPoints.filter((point) => /^export\.(?!sweep\.)/.test(point))
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Happening>({ kind: 'nothing' }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('gone' as const, 'zombie' as const, 'throws' as const),
      point: fc.constantFrom(...points),
    }),
  },
  fc.constant<Happening>({ kind: 'vanished' }),
)

const step: fc.Arbitrary<Step> = fc.record({
  rows: fc.integer({ min: 0, max: 130 }),
  network,
  process: happening,
})

/** The same for the same seed. */
export function livesOf(seed: number, count: number): Life[] {
  return fc.sample(fc.array(step, { minLength: 3, maxLength: 6 }), { seed, numRuns: count })
}

/** A real server of a kind behind a network of ours. */
export interface TroubledServer extends AsyncDisposable {
  readonly kind: TestDestination['kind']
  /** A new place, as a flow reaches it, and as one reaches it without trouble. */
  make(): Promise<{ readonly troubled: TestDestination; readonly direct: TestDestination }>
  trouble(network: Network): void
  mend(): void
}

export async function troubledServer(kind: Parameters<typeof startDestination>[0]): Promise<TroubledServer> {
  await using starting = new AsyncDisposableStack()
  const server: DestinationServer = starting.use(await startDestination(kind))
  const first = await server.make()
  const text = JSON.stringify(first.auth)
  const proxies: { http?: FaultProxy; tcp?: CuttingProxy } = {}
  let through: (auth: string) => string
  if (kind === 'sftp') {
    const port = Number(/"port":"?(\d+)/.exec(text)?.[1])
    const proxy = (proxies.tcp = starting.use(await startCuttingProxy(port)))
    through = (auth) => auth.replaceAll(String(port), String(proxy.port))
  } else {
    const endpoint = /http:\/\/(?:127\.0\.0\.1|localhost):\d+/.exec(text)?.[0] ?? ''
    const proxy = (proxies.http = starting.use(await startFaultProxy(endpoint)))
    through = (auth) => auth.replaceAll(endpoint, proxy.endpoint)
  }
  const started = starting.move()
  return {
    kind,
    make: async () => {
      const direct = await server.make()
      const auth = JSON.parse(through(JSON.stringify(direct.auth))) as object
      return { direct, troubled: { ...direct, auth } }
    },
    trouble: (wanted) => {
      if (wanted.kind === 'faults') {
        for (const { method, fault: what, times, skip } of wanted.faults)
          proxies.http?.fail({ method }, what, times, skip)
        proxies.tcp?.cut(wanted.piece, wanted.piece % 2 === 0 ? 'before' : 'after')
      } else if (wanted.kind === 'refused') {
        const refused = { kind: 'status', status: 403, code: 'AccessDenied' } as const
        for (const method of ['PUT', 'POST', 'GET', 'HEAD', 'DELETE'])
          proxies.http?.fail({ method }, refused, Number.MAX_SAFE_INTEGER, wanted.skip)
        proxies.tcp?.cut(wanted.skip, 'before')
      }
    },
    mend: () => {
      proxies.http?.mend()
      proxies.tcp?.mend()
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

export interface Tally {
  runs: number
  /** Runs that somebody had to start again, because they were refused. */
  again: number
  rows: number
}

/** Lives the life at the server; throws when a row is lost, doubled, unreadable or visible too early. */
export async function liveExports(life: Life, server: TroubledServer): Promise<Tally> {
  await using bed = await ExportBed.open()
  const { troubled, direct } = await server.make()
  let node = await bed.node({ parallelRuns: false })
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset, { destination: troubled })
  const tally: Tally = { runs: 0, again: 0, rows: 0 }
  for (const { rows, network: wanted, process } of life) {
    if (rows > 0) await bed.append(dataset, tally.rows, rows)
    tally.rows += rows
    server.trouble(wanted)
    const hand = new Hand(process, { bed, direct, before: await namesAt(direct) })
    const mending = setTimeout(() => server.mend(), mendedMs)
    try {
      let run = await hand.run(node, flowId)
      node = run.node
      tally.runs += 1
      for (let attempt = 1; run.state !== 'succeeded'; attempt += 1) {
        if (attempt === 4) throw new Error(`A run does not succeed: ${JSON.stringify(run)}`)
        server.mend()
        tally.again += 1
        tally.runs += 1
        run = await hand.run(node, flowId)
        node = run.node
      }
      expect(hand.seenTooEarly).toEqual([])
    } finally {
      clearTimeout(mending)
      server.mend()
      hand.letGo()
    }
  }
  await expectAllThere({ bed, dataset }, direct, tally.rows)
  return tally
}

/** What happens to the process that runs an export, once; and what others see before the seal. */
class Hand {
  readonly seenTooEarly: string[] = []
  readonly #happening: Happening
  readonly #bed: ExportBed
  readonly #direct: TestDestination
  readonly #before: ReadonlySet<string>
  readonly #reached = Promise.withResolvers<void>()
  readonly #going = Promise.withResolvers<void>()
  #isFirst = true

  constructor(
    happening: Happening,
    { bed, direct, before }: { bed: ExportBed; direct: TestDestination; before: readonly string[] },
  ) {
    this.#happening = happening
    this.#bed = bed
    this.#direct = direct
    this.#before = new Set(before)
    this.#going.promise.catch(() => {})
    armFaults((point) => this.#at(point))
  }

  /** Until it is over, in whichever life. */
  async run(node: Node, flowId: FlowId): Promise<{ readonly state: string; readonly node: Node }> {
    const runId: RunId = await node.exports.runNow(this.#bed.caller, flowId)
    const over = this.#bed.settled(node, runId)
    over.catch(() => {}) // Another life may be asked for it.
    const isTaken = ['gone', 'zombie'].includes(this.#happening.kind) && this.#isFirst
    const first = isTaken ? await Promise.race([this.#reached.promise, over]) : await over
    if (first !== undefined) return { ...first, node }
    const next = await this.#bed.node({ parallelRuns: false })
    if (this.#happening.kind === 'zombie') this.#going.resolve()
    // A run whose row was locked when its server came back is taken up when its lease has lapsed.
    const passing = setInterval(() => this.#bed.clock.advance(secondsPass * 1_000), secondsPass * 400)
    try {
      return { ...(await this.#bed.settled(next, runId)), node: next }
    } finally {
      clearInterval(passing)
    }
  }

  letGo(): void {
    armFaults(undefined)
    this.#going.reject(new Error('the process is gone'))
  }

  async #at(point: FaultPoint): Promise<void> {
    if (point === 'export.seal.before') {
      const names = await namesAt(this.#direct)
      this.seenTooEarly.push(...names.filter((name) => !this.#before.has(name) && this.#isFirst))
    }
    if (!this.#isFirst) return
    const wanted = this.#happening
    if (wanted.kind === 'nothing') return
    if (wanted.kind === 'vanished' ? point !== 'export.seal.after' : point !== wanted.point) return
    this.#isFirst = false
    if (wanted.kind === 'vanished') return await this.#takeAway()
    if (wanted.kind === 'throws') throw new Error(`struck at ${point}`)
    this.#reached.resolve()
    await this.#going.promise
  }

  async #takeAway(): Promise<void> {
    const [part] = await this.#bed.metadata.db
      .selectFrom('export_parts')
      .select('token')
      .orderBy('created_at', 'desc')
      .limit(1)
      .execute()
    if (!part) return
    await using store = await this.#direct.open()
    await store.abort(part.token as unknown as Parameters<typeof store.abort>[0])
  }
}

async function namesAt(destination: TestDestination): Promise<readonly string[]> {
  await using store = await destination.open()
  return (await collectAll(store.list('', { signal: AbortSignal.timeout(60_000) }))).map(({ name }) => name)
}

/** By our verification, and by another program and another reader. */
async function expectAllThere(
  { bed }: { readonly bed: ExportBed; readonly dataset: Dataset },
  destination: TestDestination,
  rowCount: number,
): Promise<void> {
  await using store = await destination.open()
  const report = await verifyLocation({ store, signal: AbortSignal.timeout(60_000) })
  expect(report.findings).toEqual([])
  expect(report).toMatchObject({ isRight: true, rowCount })
  const folder = await mkdtemp(join(tmpdir(), 'sluice-campaign-'))
  try {
    await destination.copyTo(folder)
    const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.parquet'))
    const ids = names.length === 0 ? [] : await bed.lake.idsOf(names.map((name) => join(folder, name)))
    expect(ids).toEqual(Array.from({ length: rowCount }, (_, id) => id))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
