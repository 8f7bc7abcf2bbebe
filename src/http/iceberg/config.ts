import { z } from 'zod'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, signedIn } from '../gateway/app.ts'
import { storageDefaults } from './storage-config.ts'

const namespaces = '/v1/{prefix}/namespaces'
const tables = `${namespaces}/{namespace}/tables`

/** What clients may ask for; they take everything else for not supported. */
const endpoints = [
  `GET ${namespaces}`,
  `GET ${namespaces}/{namespace}`,
  `HEAD ${namespaces}/{namespace}`,
  `GET ${tables}`,
  `POST ${tables}`,
  `GET ${tables}/{table}`,
  `HEAD ${tables}/{table}`,
  `POST ${tables}/{table}`,
  `DELETE ${tables}/{table}`,
  `POST ${tables}/{table}/metrics`,
]

const configuration = z.object({
  defaults: z.record(z.string(), z.string()),
  overrides: z.record(z.string(), z.string()),
  endpoints: z.array(z.string()),
})

export function addConfig(app: App, { lakeServer }: HttpDependencies): void {
  // A token that ends is replaced with the client's credentials, not exchanged.
  const defaults = { 'token-exchange-enabled': 'false', ...storageDefaults(lakeServer) }
  app.get(
    '/v1/config',
    {
      config: signedIn('iceberg'),
      schema: {
        tags: ['Iceberg'],
        summary: 'What the catalogue offers',
        querystring: z.looseObject({ warehouse: z.string().optional() }),
        response: { 200: configuration },
      },
    },
    async () => ({ defaults, overrides: {}, endpoints }),
  )
}
