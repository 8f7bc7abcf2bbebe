import { setTimeout as delay } from 'node:timers/promises'
import { type Client, RestError } from './client.ts'
import type { Destination } from './host.ts'
import { CliError, exitCodes } from './exit-code.ts'

/** The public Flow Service, and the ids of what each kind of destination is delivered by. */
const api = '/data/foundation/flowservice'
const specs: Readonly<Record<Destination['kind'], { readonly connection: string; readonly flow: string }>> = {
  local: {
    connection: '5a1f0f6e-1d0c-4e58-9a43-6c6f63616c31',
    flow: '5a1f0f6e-1d0c-4e58-9a43-6c6f63616c32',
  },
  s3: { connection: '4fce964d-3f37-408f-9778-e597338a21ee', flow: '269ba276-16fc-47db-92b0-c1049a3c131f' },
  azure: { connection: '6d6b59bf-fb58-4107-9064-4d246c0e5bb2', flow: '95bd8965-fc8a-4119-b9c3-944c2c2df6d2' },
  adls: { connection: 'be2c3209-53bc-47e7-ab25-145db8b873e1', flow: '17be2013-2549-41ce-96e7-a70363bec293' },
  gcs: { connection: 'c5d93acb-ea8b-4b14-8f53-02138444ae99', flow: '585c15c4-6cbf-4126-8f87-e26bff78b657' },
  sftp: { connection: '36965a81-b1c6-401b-99f8-22508f1e6a26', flow: '354d6aad-4754-46e4-a576-1b384561c440' },
}
const lakeConnectionSpec = { id: '23598e46-f560-407b-88d5-ea6207e49db0', version: '1.0' }
const pageSize = 100
const flowsMax = 10_000
const lookEveryMs = 100

export interface FlowDocument {
  readonly id: string
  readonly name: string
  readonly state: string
  readonly createdAt: number
  readonly sourceConnectionIds: readonly string[]
  readonly targetConnectionIds: readonly string[]
  readonly scheduleParams: {
    readonly exportMode?: string
    readonly timeUnit?: string
    readonly interval?: number
    readonly startTime?: number
    readonly endTime?: number
    readonly cronExpression?: string
    readonly timeZone?: string
    readonly queryScheduleId?: string
    readonly quietMinutes?: number
  }
}

export interface RunDocument {
  readonly id: string
  readonly flowId: string
  readonly createdAt: number
  readonly sluice?: {
    readonly tick?: string
    readonly progress?: RunProgress
    readonly warnings?: readonly string[]
    readonly result?: { readonly location?: string; readonly manifest?: string }
  }
  readonly metrics: {
    readonly durationSummary?: { readonly startedAtUTC?: number; readonly completedAtUTC?: number }
    readonly sizeSummary?: { readonly outputBytes?: number }
    readonly recordSummary?: { readonly inputRecordCount?: number; readonly outputRecordCount?: number }
    readonly fileSummary?: { readonly outputFileCount?: number }
    readonly statusSummary: {
      readonly status: string
      readonly errors?: readonly { readonly code: string; readonly message: string }[]
    }
  }
}

/** What a run is doing, said by Sluice beside the public fields. */
interface RunProgress {
  readonly phase?: string
  readonly rowCount?: number
  readonly rowCountTotal?: number
}

interface Page<T> {
  readonly items: readonly T[]
  readonly _links: { readonly next?: { readonly href: string } }
}

export async function listFlows(client: Client): Promise<FlowDocument[]> {
  const all: FlowDocument[] = []
  let path: string | undefined = `/flows?limit=${pageSize}`
  while (path !== undefined && all.length < flowsMax) {
    const page: Page<FlowDocument> = await client.get<Page<FlowDocument>>(api + path)
    all.push(...page.items)
    const next: string | undefined = page._links.next?.href
    path = next === undefined ? undefined : `${next}&limit=${pageSize}`
  }
  return all
}

export async function requireFlow(client: Client, name: string): Promise<FlowDocument> {
  const flow = (await listFlows(client)).find((flow) => flow.name === name || flow.id === name)
  if (flow) return flow
  throw new CliError(
    exitCodes.unknown,
    `There is no export ${JSON.stringify(name)}.`,
    'See them with: sluice export list. Make it with: sluice export create NAME --dataset DATASET --to FOLDER',
  )
}

export interface NewExport {
  readonly name: string
  readonly datasetId: string
  readonly destination: Destination
  readonly fileType: 'PARQUET' | 'JSON' | 'CSV'
  /** Absent: what the file type does best. */
  readonly compression?: 'NONE' | 'GZIP' | 'ZSTD'
  readonly mode: 'incremental' | 'full'
  readonly every: { readonly timeUnit: string; readonly interval: number }
  /** First tick. */
  readonly startAt: Date
}

/** Connection, source, target and flow: all of them, or none. */
export async function createExport(
  client: Client,
  wanted: NewExport,
): Promise<FlowDocument & { readonly warnings: readonly string[] }> {
  const { name, datasetId, destination, fileType, compression, mode, every, startAt } = wanted
  const post = (kind: string, body: object) =>
    client.post<{ readonly id: string; readonly warnings?: readonly string[] }>(`${api}/${kind}`, {
      name,
      ...body,
    })
  const made: string[] = []
  const make = async (kind: string, body: object) => {
    const { id } = await post(kind, body)
    made.unshift(`${api}/${kind}/${id}`)
    return id
  }
  const flow = async () => {
    const connection = await make('connections', { connectionSpec, auth: destination.auth })
    const source = await make('sourceConnections', {
      connectionSpec: lakeConnectionSpec,
      params: { datasets: [{ dataSetId: datasetId }] },
    })
    const target = await make('targetConnections', {
      baseConnectionId: connection,
      connectionSpec,
      params: {
        mode: 'Server-to-server',
        ...destination.params,
        datasetFileType: fileType,
        ...(compression === undefined ? {} : { compression }),
      },
    })
    return await post('flows', {
      flowSpec: { id: specs[destination.kind].flow, version: '1.0' },
      sourceConnectionIds: [source],
      targetConnectionIds: [target],
      transformations: [],
      scheduleParams: {
        exportMode: mode === 'incremental' ? 'FIRST_FULL_THEN_INCREMENTAL' : 'DAILY_FULL_EXPORT',
        ...every,
        startTime: Math.floor(startAt.getTime() / 1000),
      },
    })
  }
  const connectionSpec = { id: specs[destination.kind].connection, version: '1.0' }
  try {
    const { id, warnings = [] } = await flow()
    return { ...(await one<FlowDocument>(client, 'flows', id)), warnings }
  } catch (error) {
    // An account that nobody uses would keep its credentials. What cannot be removed now shows in the lists.
    for (const path of made) await client.call('DELETE', path).catch(() => {})
    throw error
  }
}

/** Its schedule makes runs, or none. */
export async function switchFlow(
  client: Client,
  { id }: FlowDocument,
  to: 'enable' | 'disable',
): Promise<void> {
  await client.post(`${api}/flows/${id}/action?op=${to}`)
}

/** The flow, and what `createExport` made with it; what has another name, or is used by others, is somebody's own. */
export async function deleteExport(client: Client, flow: FlowDocument): Promise<void> {
  interface Part {
    readonly id: string
    readonly name: string
    readonly baseConnectionId?: string
  }
  const [source] = flow.sourceConnectionIds
  const [target] = flow.targetConnectionIds
  const own: [string, Part][] = []
  if (target !== undefined) {
    const place = await one<Part>(client, 'targetConnections', target)
    own.push(['targetConnections', place])
    const account = place.baseConnectionId
    if (account !== undefined) own.push(['connections', await one<Part>(client, 'connections', account)])
  }
  if (source !== undefined)
    own.push(['sourceConnections', await one<Part>(client, 'sourceConnections', source)])
  await client.call('DELETE', `${api}/flows/${flow.id}`)
  for (const [kind, { id, name }] of own) {
    if (name !== flow.name) continue
    await client.call('DELETE', `${api}/${kind}/${id}`).catch((error: unknown) => {
      if (!(error instanceof RestError)) throw error // It is used by another flow.
    })
  }
}

export async function one<T>(client: Client, kind: string, id: string): Promise<T> {
  const { items } = await client.get<Page<T>>(`${api}/${kind}/${id}`)
  return items[0] as T
}

export async function runsOf(client: Client, flowId: string, limit: number): Promise<readonly RunDocument[]> {
  const page = await client.get<Page<RunDocument>>(`${api}/runs?limit=${limit}&property=flowId==${flowId}`)
  return page.items
}

export async function startRun(client: Client, flowId: string): Promise<string> {
  return (await client.post<{ id: string }>(`${api}/runs`, { flowId })).id
}

/** The runs of the flow's other datasets that were made with one, which has the name of all. */
export async function runsBeside(
  client: Client,
  { id, flowId, sluice }: RunDocument,
): Promise<readonly RunDocument[]> {
  const tick = encodeURIComponent(`sluice.tick==${sluice?.tick ?? ''}`)
  const page = await client.get<Page<RunDocument>>(
    `${api}/runs?limit=100&property=flowId==${flowId}&property=${tick}`,
  )
  return page.items.filter((run) => run.id !== id)
}

/** Resolves when the run has published, or has failed for good. */
export async function finishedRun(
  client: Client,
  runId: string,
  onLook: (run: RunDocument) => void,
): Promise<RunDocument> {
  for (;;) {
    const run = await one<RunDocument>(client, 'runs', runId)
    const { status } = run.metrics.statusSummary
    if (['success', 'failed', 'cancelled'].includes(status.toLowerCase())) return run
    onLook(run)
    await delay(lookEveryMs, undefined, { signal: client.signal })
  }
}

/** Of a run that ended in another way than by its publication. */
export function failedDelivery(what: string, { metrics }: RunDocument): CliError {
  const { status, errors = [] } = metrics.statusSummary
  const why = errors.map(({ message, code }) => `${message} (${code})`).join(' ')
  const isDiverged = errors.some(({ code }) => code === 'chain.diverged')
  return new CliError(
    exitCodes.failed,
    `${what} ended as ${status}. ${why}`.trimEnd(),
    isDiverged
      ? 'Was this home restored from a backup? Then take the word of the destination: sluice export adopt NAME'
      : undefined,
  )
}

export function figuresOf({ metrics }: RunDocument) {
  return {
    rows: metrics.recordSummary?.outputRecordCount ?? 0,
    files: metrics.fileSummary?.outputFileCount ?? 0,
    size: metrics.sizeSummary?.outputBytes ?? 0,
  }
}
