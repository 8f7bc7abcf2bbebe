import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

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
