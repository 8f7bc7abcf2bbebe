import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { newUuidId } from '#base/ids.ts'
import { testMetadata } from '../../test/support/metadata.ts'
import { insertAudit } from './audit.ts'
import { jsonRows } from './json-rows.ts'
import { preparedStatement } from './prepared.ts'

const sum = preparedStatement<{ readonly sum: number }>('select $1::int + $2::int as sum')

test('a connection plans a prepared statement once, and others as they come', async () => {
  const metadata = await testMetadata()
  onTestFinished(() => metadata[Symbol.asyncDispose]())
  await metadata.transaction(async (tx) => {
    for (let count = 0; count < 8; count += 1) expect(await sum(tx, [count, 1])).toEqual([{ sum: count + 1 }])
    const { rows } = await sql<{ statement: string; plans: string }>`
      select statement, generic_plans + custom_plans as plans from pg_prepared_statements`.execute(tx)
    expect(rows).toEqual([{ statement: 'select $1::int + $2::int as sum', plans: '8' }])
  })
  await expect(sum(metadata.db, ['a', 1])).rejects.toThrow(/invalid input syntax/)
  expect(await sum(metadata.db, [2, 2])).toEqual([{ sum: 4 }])
})

test('rows go in as one parameter, in their order, whatever characters they have', async () => {
  const metadata = await testMetadata()
  onTestFinished(() => metadata[Symbol.asyncDispose]())
  const texts = ['plain', `it's "quoted" \\ud800 \\u0041`, 'a\ud800b', '日本 😀', '\n\t\u0001', 'z']
  const at = new Date('2026-01-02T03:04:05.678Z')
  await insertAudit(
    metadata.db,
    texts.map((text) => ({
      at,
      organization_id: null,
      principal_id: newUuidId('principal'),
      sandbox_id: null,
      action: text,
      asset_type: 'Test',
      asset_id: '',
      status: 'Allow',
      detail: { text: [text, null, 1] },
      request_id: null,
      client_id: null,
      address: null,
    })),
  )
  const rows = await metadata.db
    .selectFrom('audit')
    .select(['action', 'detail', 'at'])
    .orderBy('id')
    .execute()
  const whole = texts.map((text) => text.toWellFormed())
  expect(rows).toEqual(whole.map((text) => ({ action: text, detail: { text: [text, null, 1] }, at })))
  expect(jsonRows([{ text: 'a\udc00' }])).toBe('[{"text":"a\ufffd"}]')
})
