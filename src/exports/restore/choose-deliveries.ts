import { must } from '#base/assert.ts'
import { isReserved } from '#types/xdm.ts'
import { watermarkOf } from '../manifests/manifest.ts'
import { otherRows } from './other-rows.ts'
import { errorAt, type RestoreFinding } from './restore-finding.ts'
import { type ChainLink, checkChain, numberOf } from '../verify/verify-chain.ts'

/** What becomes of a delivery: its rows are loaded, or need not be; `undone`: the source has lost them. */
export type Use = 'loaded' | 'superseded' | 'repeated' | 'beside' | 'undone'

export interface ChosenDeliveries {
  /** Every delivery that was looked at, in the order of the chain. */
  readonly uses: readonly { readonly link: ChainLink; readonly use: Use }[]
  /** Whose rows together are the dataset's, each once; the oldest rows first. */
  readonly loaded: readonly ChainLink[]
  /** Which has the dataset's columns: that of the newest run, which the head need not be: it may repeat an old one. */
  readonly shaped: ChainLink | undefined
  readonly findings: readonly RestoreFinding[]
}

export interface DeliveryChoice {
  /** As the dataset was with this delivery; absent: with the newest. */
  readonly through?: number | undefined
  /** Load what was delivered, also where it is known that the source had other rows. */
  readonly isAsDelivered: boolean
}

/**
 * Which deliveries of a chain together are the dataset, each row once: the newest that holds everything, then the
 * increments after it, one beginning where the other ended. What came before is superseded; what was delivered again is
 * taken once; windows of record time lie beside, and are needed only where nothing holds everything. What the source lost
 * when it was restored from a backup is left out.
 * @param chain in the order of its numbers, not empty
 */
export function chooseDeliveries(
  chain: readonly ChainLink[],
  { through, isAsDelivered }: DeliveryChoice,
): ChosenDeliveries {
  const links = chain.filter(({ sealed }) => sealed.manifest.chain.number <= (through ?? Infinity))
  const head = links.at(-1)
  if (!head || (through !== undefined && numberOf(head) !== through)) {
    const last = chain.at(-1)
    const message = `There is no delivery ${through}; the newest is ${last ? numberOf(last) : 0}.`
    return {
      uses: [],
      loaded: [],
      shaped: undefined,
      findings: [{ ...errorAt(head), code: 'chain.unknown', message }],
    }
  }
  const { once, repeated } = withoutRepetitions(links)
  const [beside, live] = [once.filter(isWindow), once.filter((link) => !isWindow(link))]
  const shaped = once.at(-1) ?? head
  const target = watermarkOf(head.sealed.manifest)
  const { steps, undone, findings } = stepsOfSource(target, { live, beside, head, links })
  const begins = beginOf(steps[0] ?? beside.at(-1))
  const windows =
    begins === 0 ? [] : beside.filter(({ sealed }) => sealed.manifest.source.throughSequence === begins)
  const loaded = [...windows, ...steps]
  const isLoaded = new Set(loaded)
  const use = (link: ChainLink): Use => {
    if (isLoaded.has(link)) return 'loaded'
    if (repeated.has(link)) return 'repeated'
    if (undone.has(link)) return 'undone'
    return isWindow(link) ? 'beside' : 'superseded'
  }
  return {
    uses: links.map((link) => ({ link, use: use(link) })),
    loaded,
    shaped,
    findings: [
      ...findings,
      ...brokenFrom(links, loaded),
      ...otherRows({ steps, undone, loaded, begins, head, isAsDelivered }),
      ...fieldsGone(loaded, shaped),
    ],
  }
}

/** Each run once: as it came last, something was wrong with it before; but where it came first, it holds no newer rows. */
function withoutRepetitions(links: readonly ChainLink[]): {
  readonly once: readonly ChainLink[]
  readonly repeated: ReadonlySet<ChainLink>
} {
  const runs = [...Map.groupBy(links, runOf).values()].map((run) => ({ run, ...endOf(run) }))
  const placed = runs.filter(({ isPlaced }) => isPlaced)
  // Where the first of a run is lost, it came before those that went further.
  for (const lost of runs.filter(({ isPlaced }) => !isPlaced)) {
    const next = placed.findIndex(({ end }) => end > lost.end)
    placed.splice(next < 0 ? placed.length : next, 0, lost)
  }
  const once = placed.flatMap(({ run }) => run.slice(-1))
  return { once, repeated: new Set(runs.flatMap(({ run }) => run.slice(0, -1))) }
}

/** Where the chain stood after a run; `isPlaced`: the delivery is there that came first. */
function endOf([first]: readonly ChainLink[]): { readonly isPlaced: boolean; readonly end: number } {
  const { manifest } = must(first, 'a run has a delivery').sealed
  const isPlaced = manifest.repeats === undefined
  return { isPlaced, end: isPlaced ? watermarkOf(manifest) : manifest.source.throughSequence }
}

function runOf({ sealed: { manifest } }: ChainLink): string {
  return manifest.repeats ?? manifest.runId
}

interface Steps {
  readonly steps: readonly ChainLink[]
  readonly findings: readonly RestoreFinding[]
}

interface StepsRequest {
  /** In the order of the chain, as are the windows beside; where there are only windows nothing comes after them. */
  readonly live: readonly ChainLink[]
  readonly beside: readonly ChainLink[]
  readonly head: ChainLink
  readonly links: readonly ChainLink[]
}

/**
 * The steps without deliveries of commits that the source has lost. One that holds others, too, which no delivery has
 * without them, is taken all the same: its rows are told of.
 */
function stepsOfSource(
  target: number,
  request: StepsRequest,
): Steps & { readonly undone: ReadonlySet<ChainLink> } {
  const { live, links } = request
  const undone = undoneOf(live, links)
  const all = stepsTo(target, request)
  if (undone.size === 0) return { ...all, undone }
  const left = stepsTo(target, { ...request, live: live.filter((link) => !undone.has(link)) })
  const isWhole = left.findings.length === 0 && beginOf(left.steps[0]) === beginOf(all.steps[0])
  return { ...(isWhole ? left : all), undone }
}

/** Those that went further than the commit to which the source was set back after they had come. */
function undoneOf(live: readonly ChainLink[], links: readonly ChainLink[]): ReadonlySet<ChainLink> {
  const resets = links.flatMap((link) => {
    const { resetTo } = link.sealed.manifest.chain
    return resetTo === undefined ? [] : [{ number: numberOf(link), resetTo }]
  })
  const cameFirst = new Map(links.toReversed().map((link) => [runOf(link), numberOf(link)]))
  return new Set(
    live.filter((link) => {
      const first = must(cameFirst.get(runOf(link)), 'a run has a delivery')
      const { throughSequence } = link.sealed.manifest.source
      return resets.some(({ number, resetTo }) => first < number && throughSequence > resetTo)
    }),
  )
}

/**
 * The last that holds everything, and the increments from there to the target. What is last the chain says, not the
 * commits: those of a home that was restored from a backup are fewer than were delivered.
 */
function stepsTo(target: number, { live, beside, head, links }: StepsRequest): Steps {
  const resets = new Set(links.map(({ sealed }) => sealed.manifest.chain.resetTo))
  const base = live.findLastIndex(({ sealed }) => sealed.manifest.content === 'full')
  const [first, ...more] = live.slice(Math.max(0, base))
  const steps = first ? [first] : []
  let reached = (first ?? beside.at(-1))?.sealed.manifest.source.throughSequence ?? 0
  for (const link of more) {
    const { afterSequence, throughSequence } = link.sealed.manifest.source
    const isSetBack = afterSequence < reached && resets.has(afterSequence)
    if (afterSequence !== reached && !isSetBack)
      return { steps, findings: [incomplete(link, { reached, begins: afterSequence })] }
    steps.push(link)
    reached = throughSequence
  }
  if (reached >= target) return { steps, findings: [] }
  return { steps, findings: [incomplete(head, { reached, begins: target })] }
}

function incomplete(
  link: ChainLink,
  { reached, begins }: { readonly reached: number; readonly begins: number },
): RestoreFinding {
  return {
    ...errorAt(link),
    code: 'chain.incomplete',
    message:
      begins < reached
        ? `Delivery ${numberOf(link)} holds rows from commit ${begins} on, and those up to ${reached} are in others already.`
        : `The rows of the commits ${reached + 1} to ${begins} are in no delivery here.`,
    hint: 'Bring the deliveries that are missing back to the location, or restore the dataset as it was before them: --through NUMBER.',
  }
}

function isWindow({ sealed }: ChainLink): boolean {
  return sealed.manifest.content === 'window'
}

/** The commit up to which windows hold what came before; 0: nothing did. */
function beginOf(first: ChainLink | undefined): number {
  if (!first) return 0
  const { content, source } = first.sealed.manifest
  if (content === 'window') return source.throughSequence
  return content === 'increment' ? source.afterSequence : 0
}

/** What is to be said of the chain from the first delivery that is needed on; before it nothing is. */
function brokenFrom(links: readonly ChainLink[], loaded: readonly ChainLink[]): RestoreFinding[] {
  if (loaded.length === 0) return []
  const firstNumber = loaded.reduce((least, link) => Math.min(least, numberOf(link)), Infinity)
  const first = links.findIndex((link) => numberOf(link) === firstNumber)
  const names = new Set(links.slice(first + 1).map(({ name }) => name))
  const mending =
    'Bring the manifests back from a copy of the location, or restore the dataset as it was before: --through NUMBER.'
  return checkChain(links)
    .filter(({ name }) => names.has(name))
    .map((finding) => ({ ...finding, hint: finding.severity === 'error' ? mending : undefined }))
}

/** Fields of older files that are not among the newest columns any more. */
function fieldsGone(loaded: readonly ChainLink[], shaped: ChainLink): RestoreFinding[] {
  const has = new Set(shaped.sealed.manifest.schema.columns.map(({ name }) => name.toLowerCase()))
  return loaded.flatMap((link) => {
    const gone = link.sealed.manifest.schema.columns.find(
      ({ name }) => !has.has(name.toLowerCase()) && !isReserved(name),
    )
    if (!gone) return []
    return [
      {
        ...errorAt(link),
        code: 'schema.changed' as const,
        message: `Delivery ${numberOf(link)} has a column ${JSON.stringify(gone.name)} that delivery ${numberOf(shaped)} does not have.`,
        hint: 'The column was renamed or dropped between them. Deliver the dataset in full once and restore that.',
      },
    ]
  })
}
