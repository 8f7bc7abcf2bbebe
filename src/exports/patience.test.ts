import { rm, writeFile } from 'node:fs/promises'
import { expect, onTestFinished, test } from 'vitest'
import type { RunId } from '#base/ids.ts'
import { ExportBed } from '../../test/support/exports.ts'
import { lookForTriggers } from './triggers.ts'

async function open() {
  const bed = await ExportBed.open()
  onTestFinished(() => bed[Symbol.asyncDispose]())
  return { bed, node: await bed.node() }
}

/** Time moves on until the run has failed so often, and waits. */
async function expectTried(
  { bed, node }: Awaited<ReturnType<typeof open>>,
  runId: RunId,
  attempt: number,
): Promise<void> {
  await expect
    .poll(
      async () => {
        const run = await node.jobs.run(runId)
        if (run?.state === 'waiting' && run.attempt < attempt)
          bed.clock.advance(Math.max(0, run.retryAt.getTime() - bed.clock.now().getTime()))
        return run && { state: run.state, attempt: run.attempt }
      },
      { timeout: 60_000 },
    )
    .toEqual({ state: 'waiting', attempt })
}

test('a delivery that its schedule began waits long for a destination that is away, one by hand does not', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 10)
  await writeFile(bed.destination, 'a file where a folder should be')
  const byHand = await bed.run(node, flowId)
  expect(byHand).toMatchObject({ state: 'failed', code: 'store.unreachable', attempt: 8 })

  const runId = await bed.tick(node, flowId)
  await expectTried({ bed, node }, runId, 20)
  await rm(bed.destination)
  expect(await bed.settled(node, runId)).toMatchObject({ state: 'succeeded', result: { rowCount: 10 } })
})

test('who starts a delivery by hand waits for none that is patient', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 10)
  await writeFile(bed.destination, 'a file where a folder should be')
  const patient = await bed.tick(node, flowId)
  await expectTried({ bed, node }, patient, 10)
  const byHand = await node.exports.runNow(bed.caller, flowId)
  // At once, though it would have waited minutes.
  await expect
    .poll(() => node.jobs.run(patient), { timeout: 60_000 })
    .toMatchObject({ state: 'failed', attempt: 11 })
  await rm(bed.destination)
  expect(await bed.settled(node, byHand)).toMatchObject({ state: 'succeeded', result: { rowCount: 10 } })
})

test('what arrives while a delivery waits is one more delivery, however often rows come', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset, {
    scheduleParams: { timeUnit: 'arrival', quietMinutes: 1, startTime: 0 },
  })
  const runs = async () =>
    (await node.jobs.runs({ kind: 'export', subjectId: flowId })).map(({ state }) => state).toSorted()
  await writeFile(bed.destination, 'a file where a folder should be')
  for (const times of [1, 2, 3, 4]) {
    await bed.append(dataset, times * 10, 10)
    await bed.commits(dataset, times)
    bed.clock.advance(60_000)
    await lookForTriggers({ metadata: bed.metadata, jobs: node.jobs, clock: bed.clock })
    await expect.poll(runs, { timeout: 30_000 }).toEqual(times === 1 ? ['waiting'] : ['queued', 'waiting'])
  }
  await rm(bed.destination)
  const made = await node.jobs.runs({ kind: 'export', subjectId: flowId })
  for (const { id } of made.toReversed())
    expect(await bed.settled(node, id)).toMatchObject({ state: 'succeeded' })
  expect(await bed.deliveredIds()).toHaveLength(40)
})
