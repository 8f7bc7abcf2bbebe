import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { functionEntries } from '#sql/functions/registry.ts'

const root = join(import.meta.dirname, '..')

it('the page of functions is current and names every one', () => {
  const made = spawnSync(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      '--input-type=module',
      '--eval',
      "const { functionsPage } = await import('./scripts/functions-page.mjs'); process.stdout.write(functionsPage())",
    ],
    { cwd: root, encoding: 'utf8' },
  )
  expect(made.stderr).toBe('')
  const page = readFileSync(join(root, 'docs/reference/functions.md'), 'utf8')
  expect(page, 'Run node scripts/functions-page.mjs').toBe(made.stdout)
  for (const { names } of functionEntries) {
    for (const name of names) expect(page).toContain(`\`${name.replaceAll('|', '\\|')}\``)
  }
})
