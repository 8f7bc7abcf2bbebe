import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { dataLakeSpecId, localFolderSpecs } from '#exports/exports.ts'
import { type App, guarded } from '../gateway/app.ts'
import { listQuery } from './page.ts'

const tags = ['Flow Service']
const config = guarded('flowservice', 'view-destinations')
const providerId = '14e34fac-d307-11e9-bb65-2a2ae2dbcce4'
const params = z.object({ id: z.string() })
const answer = z.object({ items: z.array(z.looseObject({})), _links: z.looseObject({}).optional() })

interface Spec extends Record<string, unknown> {
  readonly id: string
  readonly name: string
}

const connectionSpecs: readonly Spec[] = [
  {
    id: dataLakeSpecId,
    name: 'activation-datalake', // Clients find it by this name.
    providerId,
    version: '1.0',
    authSpec: [],
    attributes: { category: 'Data lake', isSource: true, isDestination: false },
  },
  {
    id: localFolderSpecs.connectionSpecId,
    name: 'Local folder',
    providerId,
    version: '1.0',
    authSpec: [],
    encryptionSpecs: [],
    targetSpec: {
      name: 'User based target',
      type: 'UserNamespace',
      spec: {
        type: 'object',
        properties: {
          mode: { type: 'string', const: 'Server-to-server' },
          path: { type: 'string', title: 'Folder', description: 'Absolute path on the server' },
          datasetFileType: { title: 'File type', type: 'string', enum: ['JSON', 'PARQUET'] },
          compression: { title: 'Compression format', type: 'string', enum: ['NONE', 'GZIP'] },
        },
        required: ['path', 'datasetFileType', 'compression'],
      },
    },
    attributes: { category: 'Local', connectorName: 'Local folder', isSource: false, isDestination: true },
  },
]

const flowSpecs: readonly Spec[] = [
  {
    id: localFolderSpecs.flowSpecId,
    name: 'Local folder datasets',
    providerId,
    version: '1.0',
    sourceConnectionSpecIds: [dataLakeSpecId],
    targetConnectionSpecIds: [localFolderSpecs.connectionSpecId],
    transformationSpecs: [],
    attributes: { _workflow: ['DATASETS'], frequency: 'batch', isDestinationFlow: true },
  },
]

/** The kinds of destinations there are, and what each wants to know. */
export function addSpecs(app: App): void {
  const lists = { connectionSpecs, flowSpecs } as const
  for (const [name, specs] of Object.entries(lists)) {
    app.get(
      `/${name}`,
      {
        config,
        schema: { tags, summary: `List ${name}`, querystring: listQuery, response: { 200: answer } },
      },
      async (request) => ({ items: specs.filter(matching(request.query.property ?? [])), _links: {} }),
    )
    app.get(
      `/${name}/:id`,
      { config, schema: { tags, summary: `Read one of ${name}`, params, response: { 200: answer } } },
      async (request) => {
        const spec = specs.find((candidate) => candidate.id === request.params.id)
        if (!spec) {
          throw new AppError(
            'flow.unknown',
            `The requested ${name} resource ${request.params.id} is not found.`,
          )
        }
        return { items: [spec] }
      },
    )
  }
}

function matching(properties: readonly string[]): (spec: Spec) => boolean {
  const filters = properties.map((text) => {
    const match = /^(id|name)==(.+)$/.exec(text)
    if (!match) {
      throw new AppError(
        'request.invalid',
        `property: name==… or id==… was expected, ${JSON.stringify(text)} came.`,
      )
    }
    return { key: match[1] as 'id' | 'name', values: (match[2] ?? '').split(',') }
  })
  return (spec) => filters.every(({ key, values }) => values.includes(spec[key]))
}
