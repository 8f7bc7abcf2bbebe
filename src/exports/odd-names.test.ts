import { expect, onTestFinished, test } from 'vitest'
import { ExportBed } from '../../test/support/exports.ts'

const names = [
  `"quoted" it's; drop table %DATASET_ID% --`,
  '../a/b\\c',
  ' naïve  漢字 🚂\tand a tab ',
  'a%2Fb?c#d&e=f [g]{h}*',
  'select',
  `${'長'.repeat(199)}𠀀${'長'.repeat(50)}`,
]

test('failure 23: whatever a dataset is called, its rows are delivered, and counted', async () => {
  const bed = await ExportBed.open()
  onTestFinished(() => bed[Symbol.asyncDispose]())
  const node = await bed.node()
  const runs = await Promise.all(
    names.map(async (name, index) => {
      const dataset = await bed.dataset(name)
      await bed.append(dataset, index * 10, 10)
      const scheduleParams = { foldernameTemplate: '%DATASET_NAME%/%EXPORT_TIME%' }
      const flowId = await bed.flow(node, dataset, { name: `of ${index}`, scheduleParams })
      return await node.exports.runNow(bed.caller, flowId)
    }),
  )
  for (const [index, runId] of runs.entries())
    expect(await bed.settled(node, runId), names[index]).toMatchObject({
      state: 'succeeded',
      result: { rowCount: 10 },
    })
  expect(await bed.deliveredIds()).toEqual(Array.from({ length: names.length * 10 }, (_, id) => id))
  const report = await bed.verify()
  expect(report).toMatchObject({ isRight: true, findings: [] })
  expect(report.chains.map(({ datasetName }) => datasetName).toSorted()).toEqual(names.toSorted())
})
