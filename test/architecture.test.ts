import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { longest } from './support/longest-first.ts'
import { productFiles, walls, wallViolations } from './support/walls.ts'

const source = join(import.meta.dirname, '..', 'src')

test('no import goes through a wall', () => {
  expect(wallViolations(productFiles(source))).toEqual([])
})

test('every folder of the product has its line in the table of walls', () => {
  const folders = readdirSync(source, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  expect(folders.map((folder) => folder.name).filter((name) => !(name in walls))).toEqual([])
})

test('every suite of which it is said that it takes long is there', () => {
  const root = join(source, '..')
  expect(longest.filter((path) => !existsSync(join(root, path)))).toEqual([])
})

test('the table of walls has no circle', () => {
  const visit = (folder: string, path: readonly string[]): void => {
    expect(path, [...path, folder].join(' → ')).not.toContain(folder)
    for (const next of walls[folder] ?? []) visit(next, [...path, folder])
  }
  for (const folder of Object.keys(walls)) visit(folder, [])
})

test.each([
  ['a folder that is not allowed', "import { x } from '#query/query.ts'", 'sql may not import query'],
  ['a private subfolder', "import type { x } from '#types/inner/x.ts'", 'subfolders of types are private'],
  ['a relative path out of the folder', "import { x } from '../lake/lake.ts'", 'leaves its folder'],
  ['a package that belongs to another folder', "import duckdb from '@duckdb/node-api'", 'only engine may'],
  ['a dynamic import', "const x = await import('#http/server.ts')", 'sql may not import http'],
  ['an import over several lines', "import {\n  a,\n  b,\n} from '#lake/lake.ts'", 'sql may not import lake'],
  ['a re-export', "export { x } from '#engine/engine.ts'", 'sql may not import engine'],
])('a planted violation is found: %s', (_name, text, message) => {
  expect(wallViolations([{ path: 'sql/planted.ts', text }])).toEqual([expect.stringContaining(message)])
})
