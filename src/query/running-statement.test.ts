import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type RunningStatement, runningStatement } from './rows/engine-rows.ts'
import type { Scope } from './scope.ts'

/** As much of a session as counting its time takes. */
function scopeOf(ownMs?: string): Scope {
  const scope = {
    services: { limits: { statementTimeoutMs: 20, batchTimeoutMs: 60_000 } },
    properties: new Map(ownMs === undefined ? [] : [['statement_timeout', ownMs]]),
    pool: 'interactive',
    signal: new AbortController().signal,
  }
  return scope as unknown as Scope
}

/** What takes longer than an interactive statement may. */
async function worked(running: RunningStatement): Promise<string> {
  return await running.wait(async () => {
    await delay(100)
    running.signal.throwIfAborted()
    return 'done'
  })
}

test('a statement that gives rows has the time of interactive ones, one that stores them that of background ones', async () => {
  await expect(worked(runningStatement(scopeOf()))).rejects.toMatchObject({
    code: 'query.timeout',
    hint: expect.stringContaining('limits.statementTimeoutMs'),
  })
  await expect(worked(runningStatement(scopeOf(), { stores: true }))).resolves.toBe('done')
})

test('a session’s own time counts for both', async () => {
  const running = runningStatement(scopeOf('20'), { stores: true })
  await expect(worked(running)).rejects.toMatchObject({ code: 'query.timeout' })
})
