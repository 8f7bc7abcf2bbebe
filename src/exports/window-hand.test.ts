import { expect, onTestFinished, test } from 'vitest'
import { ExportBed, stopAt } from '../../test/support/exports.ts'

async function open(change: object = {}) {
  const bed = await ExportBed.open()
  onTestFinished(() => bed[Symbol.asyncDispose]())
  const node = await bed.node()
  const dataset = await bed.dataset()
  await bed.append(dataset, 0, 10)
  const flowId = await bed.flow(node, dataset)
  // It is Sunday, one o'clock.
  const { id } = await node.exports.putRule(bed.caller, 'at noon', {
    kind: 'window',
    window: { days: ['sun'], from: '12:00', to: '13:00', timeZone: 'UTC', ...change },
  })
  return { bed, node, dataset, flowId, ruleId: id }
}

test('a run by hand is refused while a window is closed; overriding it waits for no tick that does', async () => {
  const { bed, node, dataset, flowId } = await open()
  const refusal = { code: 'export.closed', message: expect.stringContaining('"at noon"') as string }
  await expect(node.exports.runNow(bed.caller, flowId)).rejects.toMatchObject(refusal)
  await expect(
    node.exports.runDatasets(bed.caller, [{ flowId, datasetIds: [dataset.id] }]),
  ).rejects.toMatchObject(refusal)
  const waiting = await bed.tick(node, flowId)
  const stateOf = async (id: typeof waiting) => (await node.jobs.run(id))?.state
  await expect.poll(() => stateOf(waiting), { timeout: 30_000 }).toBe('waiting')
  const runId = await node.exports.runNow(bed.caller, flowId, { overridesWindows: true })
  await expect.poll(() => stateOf(runId), { timeout: 30_000 }).toBe('succeeded')
  expect(await stateOf(waiting)).toBe('waiting')
  await node.exports.controlRun(bed.caller, waiting, 'cancel')
  await expect(node.exports.controlRun(bed.caller, waiting, 'retry')).rejects.toMatchObject(refusal)
})

test.each(['changed', 'deleted'])(
  'a run that waits for a window goes on once the rule is %s',
  async (how) => {
    const { bed, node, flowId, ruleId } = await open()
    const runId = await bed.tick(node, flowId)
    const state = async () => (await node.jobs.run(runId))?.state
    await expect.poll(state, { timeout: 30_000 }).toBe('waiting')
    const window = { days: ['sun'], from: '01:00', to: '13:00', timeZone: 'UTC' }
    if (how === 'deleted') await node.exports.deleteRule(bed.caller, ruleId)
    else await node.exports.putRule(bed.caller, 'at noon', { kind: 'window', window })
    await expect.poll(state, { timeout: 30_000 }).toBe('succeeded')
  },
)

test('of a window no more deliveries are under way than it takes', async () => {
  const { bed, node, flowId } = await open({ from: '01:00', parallelRunsMax: 1 })
  const other = await bed.dataset('other')
  await bed.append(other, 0, 5)
  const otherFlow = await bed.flow(node, other, { name: 'other' })
  const slow = stopAt('export.stage.middle')
  const first = await node.exports.runNow(bed.caller, flowId)
  await slow.reached
  const second = await node.exports.runNow(bed.caller, otherFlow)
  await expect
    .poll(() => node.jobs.run(second), { timeout: 30_000 })
    .toMatchObject({ state: 'waiting', message: expect.stringContaining('1 deliveries at a time') as string })
  slow.release()
  expect(await bed.settled(node, first)).toMatchObject({ state: 'succeeded' })
  expect(await bed.settled(node, second)).toMatchObject({ state: 'succeeded' })
})
