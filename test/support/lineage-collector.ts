import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import addFormats from 'ajv-formats'
import Ajv2020 from 'ajv/dist/2020.js'

const folder = join(import.meta.dirname, '..', 'fixtures', 'openlineage')

// oxlint-disable-next-line typescript/no-explicit-any -- Events of many forms, looked at by assertions.
type LineageEvent = any

/** What is wrong with an event by OpenLineage's own schemas, those of its facets included; empty: nothing. */
export function lineageProblems(event: LineageEvent): string[] {
  const ajv = new Ajv2020.default({ strict: false, allErrors: true })
  addFormats.default(ajv)
  for (const name of readdirSync(folder)) ajv.addSchema(JSON.parse(readFileSync(join(folder, name), 'utf8')))
  const problems: string[] = []
  const check = (url: string, value: unknown) => {
    const validate = ajv.getSchema(url)
    if (!validate) problems.push(`no schema ${url}`)
    else if (validate(value) !== true) problems.push(`${url}: ${ajv.errorsText(validate.errors)}`)
  }
  check(event.schemaURL, event)
  const facets = [
    event.run.facets,
    event.job.facets,
    ...event.outputs.map((one: LineageEvent) => one.outputFacets ?? {}),
  ]
  for (const facet of facets.flatMap((one) => Object.values<LineageEvent>(one)))
    check(facet._schemaURL, facet)
  return problems
}

/** A collector of events on loopback. The first that comes is turned away with 503. */
export async function startLineageCollector(): Promise<
  AsyncDisposable & {
    readonly url: string
    readonly events: LineageEvent[]
    readonly authorizations: Set<string | undefined>
    readonly refused: () => number
  }
> {
  const events: LineageEvent[] = []
  const authorizations = new Set<string | undefined>()
  let refused = 0
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await text(request)
    authorizations.add(request.headers.authorization)
    if (refused > 0) events.push(JSON.parse(body))
    response.writeHead(refused > 0 ? 201 : 503).end()
    if (refused === 0) refused = 1
  }
  const server = createServer((request, response) => void take(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/lineage`,
    events,
    authorizations,
    refused: () => refused,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
