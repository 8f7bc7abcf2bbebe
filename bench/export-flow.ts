import { localFolderSpecs } from '../src/exports/destination-specs.ts'
import type { FlowDestination } from '../test/support/exports.ts'
import type { Product } from '../test/support/product.ts'
import { until } from './events-dataset.ts'

const flowService = '/data/foundation/flowservice'

export const folderDestination = (path: string): FlowDestination => ({
  specs: localFolderSpecs,
  params: { path },
})

/** A flow that runs when it is told to only. @param params of the target, `datasetFileType` among them */
export async function createFlow(
  product: Product,
  datasetId: string,
  {
    to: { specs, auth, params },
    content,
    exportMode = 'DAILY_FULL_EXPORT',
  }: {
    readonly to: FlowDestination
    readonly content: Readonly<Record<string, string>>
    readonly exportMode?: 'DAILY_FULL_EXPORT' | 'FIRST_FULL_THEN_INCREMENTAL'
  },
): Promise<string> {
  const make = async (kind: string, body: object): Promise<string> =>
    (await product.call<{ id: string }>('POST', `${flowService}/${kind}`, body)).id
  const connectionSpec = { id: specs.connectionSpecId, version: '1.0' }
  const baseConnectionId = await make('connections', { name: 'bench', connectionSpec, auth })
  const source = await make('sourceConnections', {
    name: 'lake',
    connectionSpec: { id: '23598e46-f560-407b-88d5-ea6207e49db0', version: '1.0' },
    params: { datasets: [{ dataSetId: datasetId }] },
  })
  const target = await make('targetConnections', {
    name: 'bench',
    baseConnectionId,
    connectionSpec,
    params: { mode: 'Server-to-server', ...params, ...content },
  })
  return make('flows', {
    name: 'bench',
    flowSpec: { id: specs.flowSpecId, version: '1.0' },
    sourceConnectionIds: [source],
    targetConnectionIds: [target],
    transformations: [],
    scheduleParams: {
      exportMode,
      timeUnit: 'day',
      interval: exportMode === 'DAILY_FULL_EXPORT' ? 0 : 1,
      startTime: Math.floor(Date.now() / 1000) + 86_400,
    },
  })
}

/** Until it is sealed and its manifest is there. Each look is work for the server that is measured. */
export async function runExport(product: Product, flowId: string, lookEveryMs = 100): Promise<void> {
  type Run = { id: string; metrics: { statusSummary: { status: string } } }
  const runs = async () =>
    (await product.call<{ items: Run[] }>('GET', `${flowService}/runs?property=flowId==${flowId}`)).items
  const before = new Set((await runs()).map(({ id }) => id))
  await product.call('POST', `${flowService}/runs`, { flowId })
  await until(
    async () => {
      const run = (await runs()).find(({ id }) => !before.has(id))
      const status = run?.metrics.statusSummary.status
      if (status === 'failed') throw new Error(`The export failed: ${JSON.stringify(run)}`)
      return status === 'success'
    },
    () => lookEveryMs,
  )
}
