import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Client, isConflict } from './client.ts'

const api = '/data/foundation/query/query-templates'
const listedMax = 1_000

/** A query template that comes with Sluice. */
export interface PackTemplate {
  readonly name: string
  readonly description: string
  readonly sql: string
  readonly parameters: Readonly<Record<string, string>>
}

const parameterLine = /^-- \$(\w+) = (.*?): /

/** The templates of a folder, by name: their heads say what each is and what its parameters are by default. */
export async function readPack(folder: string): Promise<PackTemplate[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).toSorted()
  return await Promise.all(
    names.map(async (name) => templateOf(basename(name, '.sql'), await readFile(join(folder, name), 'utf8'))),
  )
}

export function templateOf(name: string, sql: string): PackTemplate {
  const lines = sql.split('\n')
  const head = lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith('--')),
  )
  const parameters = head.flatMap((line): [string, string][] => {
    const [, key, value] = parameterLine.exec(line) ?? []
    return key === undefined || value === undefined ? [] : [[key, value]]
  })
  return {
    name,
    description: head[0]?.replace(/^-- /, '') ?? '',
    sql,
    parameters: Object.fromEntries(parameters),
  }
}

export interface TemplateDocument {
  readonly id: string
  readonly name: string
  readonly sql: string
  readonly queryParameters?: Readonly<Record<string, string>>
}

export async function savedTemplates(client: Client): Promise<readonly TemplateDocument[]> {
  const { templates } = await client.get<{ templates: readonly TemplateDocument[] }>(
    `${api}?limit=${listedMax}`,
  )
  return templates
}

/** Saves each, over the one of its name. */
export async function* saveTemplates(
  client: Client,
  pack: readonly PackTemplate[],
): AsyncGenerator<PackTemplate & { readonly isNew: boolean }> {
  const there = await savedTemplates(client)
  for (const template of pack) {
    const { name, sql, parameters } = template
    const body = { name, sql, queryParameters: parameters }
    const known = there.find((one) => one.name === name)
    const isNew = known === undefined && (await isCreated(client, body))
    const before =
      known ?? (isNew ? undefined : (await savedTemplates(client)).find((one) => one.name === name))
    if (before) await client.call('PUT', `${api}/${before.id}`, body)
    yield { ...template, isNew }
  }
}

/** False: somebody else made one of that name just now. */
async function isCreated(client: Client, body: object): Promise<boolean> {
  try {
    await client.post(api, body)
    return true
  } catch (error) {
    if (isConflict(error)) return false
    throw error
  }
}
