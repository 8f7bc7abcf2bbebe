import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { jsonSchemaTransform } from 'fastify-type-provider-zod'
import { type App, open } from './app.ts'

/** Everything the page needs comes from us; it runs no script but its own. */
const contentPolicy = [
  "default-src 'self'",
  "img-src 'self' data:",
  "style-src 'self' 'unsafe-inline'",
  "base-uri 'none'",
  "object-src 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The bar on top only asks for other descriptions, under another's sign. */
const pageCss = '.swagger-ui .topbar { display: none }'

/** The OpenAPI description, made of the routes' schemas, and a page that shows it. Before any route. */
export async function addDocs(app: App, version: string): Promise<void> {
  await app.register(swagger, { openapi: description(version), transform })
  await app.register(async (docs) => {
    // The pages hold nothing of a customer's.
    docs.addHook('onRoute', (route) => {
      route.config = { ...route.config, ...open }
    })
    await docs.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: contentPolicy,
      theme: { title: 'Sluice API', css: [{ filename: 'page.css', content: pageCss }] },
      // Closed at first: some hundred calls are found by their area, or by its name in the filter.
      uiConfig: {
        docExpansion: 'none',
        filter: true,
        deepLinking: true,
        defaultModelsExpandDepth: -1,
        validatorUrl: null,
      },
    })
  })
}

const transform: typeof jsonSchemaTransform = (route) => {
  const { schema, url } = jsonSchemaTransform(route)
  const guard = (route.route.config as { guard?: { isPublic?: boolean; api?: string } } | undefined)?.guard
  if (guard?.isPublic) return { schema: { ...schema, security: [] }, url }
  return guard?.api === 'sluice' ? { schema: { ...schema, security: [{ token: [] }] }, url } : { schema, url }
}

function description(version: string) {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice',
      version,
      description:
        'Datasets, queries and deliveries. Addresses below `/data/foundation` are those of the public platform APIs; `/sluice/v1` holds only what these lack. Get a token at `/ims/token/v3` with the credentials that `sluice credentials` shows.',
    },
    tags: [
      { name: 'Authentication', description: 'A bearer token for client credentials' },
      { name: 'Catalog', description: 'Datasets and batches' },
      { name: 'Schema registry', description: 'What rows look like' },
      { name: 'Identity namespaces', description: 'What a person’s ids are ids of' },
      { name: 'Batch ingestion', description: 'Files into datasets' },
      { name: 'Streaming ingestion', description: 'Messages into datasets, by inlets' },
      { name: 'Data access', description: 'Files of batches, and of what was refused' },
      { name: 'Data lifecycle', description: 'Datasets that end at a time set beforehand' },
      { name: 'Query Service', description: 'Queries in the background and on schedule' },
      { name: 'Flow Service', description: 'Deliveries: connections, flows and runs' },
      { name: 'Landing zone', description: 'Deliveries that are read here, as from a bucket' },
      { name: 'Access control', description: 'Permissions, roles and who has them' },
      { name: 'Audit', description: 'What was done and what was refused' },
      { name: 'Sandboxes', description: 'Spaces with data, names and rights of their own' },
      { name: 'Iceberg', description: 'Tables for other engines: Apache Iceberg’s REST catalogue' },
      { name: 'Sluice', description: 'What the public APIs lack' },
      { name: 'Operation', description: 'Health, readiness, metrics' },
    ],
    components: {
      securitySchemes: {
        token: { type: 'http' as const, scheme: 'bearer' },
        apiKey: { type: 'apiKey' as const, in: 'header' as const, name: 'x-api-key' },
        organization: { type: 'apiKey' as const, in: 'header' as const, name: 'x-gw-ims-org-id' },
        sandbox: { type: 'apiKey' as const, in: 'header' as const, name: 'x-sandbox-name' },
      },
    },
    security: [{ token: [], apiKey: [], organization: [], sandbox: [] }],
  }
}
