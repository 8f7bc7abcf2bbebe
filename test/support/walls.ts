import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/**
 * The walls of the house: what each folder of `src` may import besides itself and `base`.
 * Changing a wall is one line here, seen in review.
 */
export const walls: Readonly<Record<string, readonly string[]>> = {
  base: [],
  config: [],
  types: [],
  encode: ['types'],
  objects: [],
  formats: ['types'],
  metadata: ['config'],
  natives: ['types'],
  engine: ['types', 'encode', 'natives'],
  jobs: ['metadata'],
  access: ['metadata', 'jobs'],
  notify: ['metadata', 'jobs', 'access'],
  lake: ['types', 'objects', 'metadata', 'engine', 'jobs'],
  schemas: ['types', 'metadata', 'access'],
  datasets: ['types', 'metadata', 'access', 'schemas', 'lake', 'jobs'],
  ingest: ['types', 'objects', 'formats', 'metadata', 'access', 'engine', 'jobs', 'lake', 'datasets'],
  sql: ['types'],
  shadow: ['types', 'metadata'],
  query: [
    'types',
    'encode',
    'objects',
    'metadata',
    'engine',
    'jobs',
    'notify',
    'access',
    'lake',
    'datasets',
    'sql',
    'shadow',
  ],
  exports: [
    'types',
    'objects',
    'formats',
    'metadata',
    'engine',
    'jobs',
    'notify',
    'access',
    'lake',
    'datasets',
    'sql',
    'query',
  ],
  backup: ['config', 'objects', 'metadata', 'jobs', 'access', 'lake', 'ingest'],
  pgwire: ['types', 'encode', 'access', 'query'],
  http: ['types', 'access', 'notify', 'schemas', 'datasets', 'ingest', 'lake', 'query', 'exports', 'backup'],
  samples: [],
  cli: ['config', 'samples'],
}

/** Packages that only one folder may import. */
export const packageOwners: Readonly<Record<string, string>> = {
  '@aws-sdk/client-s3': 'objects',
  '@azure/storage-blob': 'objects',
  '@duckdb/node-api': 'engine',
  '@duckdb/node-bindings': 'engine',
  '@grpc/grpc-js': 'engine',
  avsc: 'lake',
  fastify: 'http',
  ssh2: 'objects',
  kysely: 'metadata',
  nodemailer: 'notify',
  openpgp: 'formats',
  protobufjs: 'engine',
  commander: 'cli',
  'libpg-query': 'shadow',
}

export interface SourceFile {
  /** Below `src`, with `/`. */
  readonly path: string
  readonly text: string
}

/** Every product file; tests and their helpers may look over walls. */
export function productFiles(root: string): SourceFile[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(root, path), text: readFileSync(path, 'utf8') }))
}

const importPattern =
  /(?:^|\n)\s*(?:import|export)\b[^'"\n]*(?:\n[^'"]*?)?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)\s*import\s*['"]([^'"]+)['"]/g

/** One sentence for each import that goes through a wall. */
export function wallViolations(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const folder = file.path.includes('/') ? file.path.slice(0, file.path.indexOf('/')) : undefined
    return importsOf(file).flatMap((target) => violation(file.path, folder, target) ?? [])
  })
}

/** What stands behind `from`, as it is written. */
export function importsOf({ text }: SourceFile): string[] {
  return [...text.matchAll(importPattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '')
}

function violation(path: string, folder: string | undefined, target: string): string | undefined {
  if (target.startsWith('#')) return crossing(path, folder, target)
  if (target.startsWith('.')) {
    const depth = path.split('/').length - 2
    const climbs = target.split('/').filter((part) => part === '..').length
    return folder !== undefined && climbs > depth
      ? `${path} leaves its folder by ${target}; write #folder/file.ts`
      : undefined
  }
  const name = target.startsWith('@') ? target.split('/').slice(0, 2).join('/') : target.split('/')[0]!
  const owner = packageOwners[name]
  return owner !== undefined && folder !== owner
    ? `${path} imports ${name}, which only ${owner} may`
    : undefined
}

function crossing(path: string, folder: string | undefined, target: string): string | undefined {
  const [other = '', ...rest] = target.slice(1).split('/')
  if (folder === undefined) return undefined // main.ts wires everything.
  const allowed = walls[folder]
  if (!allowed) return `${path}: the folder ${folder} stands in no line of the walls`
  if (other === folder) return `${path} imports ${target} of its own folder; write a relative path`
  if (other !== 'base' && !allowed.includes(other))
    return `${path} imports ${target}; ${folder} may not import ${other}`
  return rest.length > 1 ? `${path} imports ${target}; subfolders of ${other} are private` : undefined
}
