import { expect, test } from 'vitest'
import type { FlowId, RunId } from '#base/ids.ts'
import { manifestName, partName, platformManifestName, runIdOfName } from './names.ts'

const runId = '0195a1c2-7d3e-7b4f-8a5b-6c7d8e9f0a1b' as RunId
const flowId = '1195a1c2-7d3e-7b4f-8a5b-6c7d8e9f0a1b' as FlowId

test('failures 8, 10: no part is called as another, of another run, of another attempt, or of the same', () => {
  const format = { kind: 'parquet', compression: 'zstd' } as const
  const name = () => partName({ folder: 'feed', number: 7, runId, attempt: 12, format })
  expect(name()).toMatch(new RegExp(`^feed/part-00007-${runId}-12-[0-9a-f]{8}\\.zstd\\.parquet$`))
  expect(new Set(Array.from({ length: 10 }, name)).size).toBe(10)
})

test('the name of a part and of either manifest says the run, and no other name does', () => {
  for (const folder of ['', 'feed', `feed/part-00000-${flowId}-1-00000000.x`]) {
    for (const name of [
      partName({ folder, number: 0, runId, attempt: 1, format: { kind: 'parquet', compression: 'zstd' } }),
      partName({
        folder,
        number: 123_456,
        runId,
        attempt: 12,
        format: { kind: 'json', compression: 'none' },
        isEncrypted: true,
      }),
      manifestName({ folder, chainNumber: 1, flowId, runId }),
      manifestName({ folder, chainNumber: 12_345_678, flowId, runId }),
      platformManifestName({ folder, flowId, runId }),
    ])
      expect([name, runIdOfName(name)]).toEqual([name, runId])
  }
  const [part, manifest] = [`part-00000-${runId}-1-00000000`, `manifest-000001-1195a1c2-${runId}.json`]
  for (const name of ['', 'a', part, `x${part}.csv`, `${part}.csv/a`, `x${manifest}`, `${manifest}.csv`])
    expect([name, runIdOfName(name)]).toEqual([name, undefined])
})
