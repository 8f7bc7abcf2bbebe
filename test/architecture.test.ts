import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { circles, circlesOfFolders } from './support/circles.ts'
import { longest } from './support/longest-first.ts'
import { productFiles, walls, wallViolations } from './support/walls.ts'

const source = join(import.meta.dirname, '..', 'src')

test('no import goes through a wall', () => {
  expect(wallViolations(productFiles(source))).toEqual([])
})

test('no files import each other in a circle but where what they are about goes round', () => {
  expect(circles(productFiles(source))).toEqual([])
})

test('a planted circle is found, also where a type alone closes it', () => {
  const planted = [
    { path: 'lake/one.ts', text: "import { x } from './two.ts'" },
    { path: 'lake/two.ts', text: "import { y } from '#engine/three.ts'" },
    { path: 'engine/three.ts', text: "import type { Z } from '../lake/one.ts'" },
    { path: 'engine/four.ts', text: "import { x } from './three.ts'" },
    { path: 'sql/parse/a.ts', text: "import { b } from './b.ts'" },
    { path: 'sql/parse/b.ts', text: "import { a } from './a.ts'" },
  ]
  expect(circles(planted)).toEqual(['engine/three.ts, lake/one.ts, lake/two.ts'])
})

test('no rooms of exports or of queries import each other in a circle', () => {
  expect(circlesOfFolders(productFiles(source))).toEqual([])
  const planted = [
    { path: 'exports/plan/one.ts', text: "import { x } from '../run/two.ts'" },
    { path: 'exports/run/two.ts', text: "import { y } from './three.ts'" },
    { path: 'exports/run/three.ts', text: "import type { Z } from '../plan/four.ts'" },
    { path: 'exports/plan/four.ts', text: '' },
  ]
  expect(circlesOfFolders(planted)).toEqual(['exports/plan, exports/run'])
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
