import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from './client.ts'
import { CliError, exitCodes } from './exit-code.ts'

/** The public Flow Service, and the ids of what a local folder is delivered by. */
const api = '/data/foundation/flowservice'
const folderConnectionSpec = { id: '5a1f0f6e-1d0c-4e58-9a43-6c6f63616c31', version: '1.0' }
const folderFlowSpec = { id: '5a1f0f6e-1d0c-4e58-9a43-6c6f63616c32', version: '1.0' }
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
  }
}

export interface RunDocument {
  readonly id: string
  readonly flowId: string
  readonly createdAt: number
  readonly sluice?: {
    readonly progress?: RunProgress
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
  readonly folder: string
  readonly fileType: 'PARQUET' | 'JSON'
  /** Absent: what the file type does best. */
  readonly compression?: 'NONE' | 'GZIP' | 'ZSTD'
  readonly mode: 'incremental' | 'full'
  readonly every: { readonly timeUnit: string; readonly interval: number }
  /** First tick. */
  readonly startAt: Date
}

/** Connection, source, target and flow. */
export async function createExport(client: Client, wanted: NewExport): Promise<FlowDocument> {
  const { name, datasetId, folder, fileType, compression, mode, every, startAt } = wanted
  const make = async (kind: string, body: object) =>
    (await client.post<{ id: string }>(`${api}/${kind}`, { name, ...body })).id
  const connection = await make('connections', { connectionSpec: folderConnectionSpec })
  const source = await make('sourceConnections', {
    connectionSpec: lakeConnectionSpec,
    params: { datasets: [{ dataSetId: datasetId }] },
  })
  const target = await make('targetConnections', {
    baseConnectionId: connection,
    connectionSpec: folderConnectionSpec,
    params: {
      mode: 'Server-to-server',
      path: folder,
      datasetFileType: fileType,
      ...(compression === undefined ? {} : { compression }),
    },
  })
  const flow = await make('flows', {
    flowSpec: folderFlowSpec,
    sourceConnectionIds: [source],
    targetConnectionIds: [target],
    transformations: [],
    scheduleParams: {
      exportMode: mode === 'incremental' ? 'FIRST_FULL_THEN_INCREMENTAL' : 'DAILY_FULL_EXPORT',
      ...every,
      startTime: Math.floor(startAt.getTime() / 1000),
    },
  })
  return await one<FlowDocument>(client, 'flows', flow)
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
