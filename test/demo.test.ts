import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sluice, temporaryFolder } from './support/sluice.ts'

test('the demo tells the main job with expected and found counts that agree, and a second start adds nothing', async () => {
  const home = join(await temporaryFolder('demo'), 'home')
  const args = ['demo', '--once', '--home', home, '--http', '127.0.0.1:0', '--postgres', '127.0.0.1:0']
  const first = await sluice(args)
  expect([first.code, first.err]).toEqual([0, ''])
  expect(first.out).toContain('24,219')
  const [, expected, found] = /together +([\d,]+) +([\d,]+) +✓/.exec(first.out) ?? []
  expect([expected, Number(found?.replaceAll(',', ''))]).toEqual([found, expect.any(Number)])
  expect(Number(found?.replaceAll(',', ''))).toBeGreaterThan(20_000)
  expect(first.out).toContain('All right:')
  expect(first.out).not.toContain('\u001B') // Piped: no colours.
  // Ten persons were shown.
  expect(first.out.split('\n').filter((line) => /^ {3}\d+\.\d+ +\d+ +\d+ +/.test(line))).toHaveLength(10)

  const second = await sluice(args)
  expect([second.code, second.err]).toEqual([0, ''])
  expect(/together +([\d,]+) +([\d,]+) +✓/.exec(second.out)?.[0]).toBe(
    /together +([\d,]+) +([\d,]+) +✓/.exec(first.out)?.[0],
  )
  expect(second.out).toContain('from before')
  expect(await sluice(['verify', `${home}-delivered`])).toMatchObject({
    code: 0,
    out: expect.stringContaining(`${found} rows`),
  })
})
