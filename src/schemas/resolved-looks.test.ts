import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Caller } from '#access/access.ts'
import { systemClock } from '#base/clock.ts'
import { silentLogger } from '#base/log.ts'
import { connectMetadata } from '#metadata/connect.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { testCaller } from '../../test/support/access.ts'
import { testMetadata } from '../../test/support/metadata.ts'
import { createDescriptors } from './create-descriptors.ts'
import { createSchemas } from './create-schemas.ts'
import type { Json } from './json.ts'
import { tenantOf } from './resource.ts'
import type { Schemas } from './schemas.ts'
import { rawView } from './view.ts'

const event = 'https://ns.adobe.com/xdm/context/experienceevent'
const full = { ...rawView, form: 'full' } as const

let metadata: Awaited<ReturnType<typeof testMetadata>>
let otherMetadata: Metadata
let caller: Caller
let ours: Schemas
/** Another process: what it changes, nobody tells us. */
let theirs: Schemas
let theirDescriptors: ReturnType<typeof createDescriptors>
let tenant: string

beforeAll(async () => {
  metadata = await testMetadata()
  otherMetadata = connectMetadata({
    connection: { connectionString: metadata.databaseUrl, max: 4 },
    logger: silentLogger,
  })
  const first = await testCaller(metadata)
  caller = first.caller
  tenant = `_${tenantOf(caller.sandbox.organizationId)}`
  const parts = { access: first.access, clock: systemClock, columnsAdded: async () => {} }
  ours = createSchemas({ ...parts, metadata })
  theirs = createSchemas({ ...parts, metadata: otherMetadata })
  theirDescriptors = createDescriptors({ ...parts, metadata: otherMetadata })
})
afterAll(async () => {
  await otherMetadata[Symbol.asyncDispose]()
  await metadata[Symbol.asyncDispose]()
})

const group = (title: string, fields: readonly string[]) => ({
  title,
  'meta:intendedToExtend': [event],
  properties: {
    [tenant]: {
      type: 'object',
      properties: Object.fromEntries(fields.map((name) => [name, { type: 'string' }])),
    },
  },
})

async function madeSchema(title: string) {
  const part = await theirs.create(caller, 'mixins', group(`${title} fields`, ['one', 'two']))
  const schema = await theirs.create(caller, 'schemas', {
    title,
    allOf: [{ $ref: event }, { $ref: part.id }],
  })
  return { part, schema }
}

const look = (id: string, kind: 'schemas' | 'unions' = 'schemas') =>
  ours.look(caller, { kind, id, view: full })

function fieldsOf(bytes: Buffer): string[] {
  const { properties } = JSON.parse(bytes.toString()) as { properties: Record<string, Json> }
  return Object.keys(properties[tenant]?.['properties'] ?? {})
}

test('a resolved schema is made once, and anew after every change of any process to any of its parts', async () => {
  const { part, schema } = await madeSchema('Kept')
  const before = await look(schema.id)
  expect(fieldsOf(before)).toEqual(['one', 'two'])
  expect(await look(schema.id)).toBe(before)

  // A group it is composed of, though the schema itself stays as it is.
  await theirs.replace(caller, {
    kind: 'mixins',
    id: part.id,
    body: group('Kept fields', ['one', 'two', 'three']),
  })
  expect(fieldsOf(await look(schema.id))).toEqual(['one', 'two', 'three'])

  // A descriptor is no part of the document, and of what is shown.
  const descriptor = await theirDescriptors.create(caller, {
    '@type': 'xdm:descriptorDeprecated',
    'xdm:sourceSchema': schema.id,
    'xdm:sourceVersion': 1,
    'xdm:sourceProperty': `/${tenant}/two`,
  })
  expect(fieldsOf(await look(schema.id))).toEqual(['one', 'three'])
  await theirDescriptors.delete(caller, String(descriptor['@id']))
  expect(fieldsOf(await look(schema.id))).toEqual(['one', 'two', 'three'])

  await theirs.delete(caller, { kind: 'schemas', id: schema.id })
  await expect(look(schema.id)).rejects.toMatchObject({ code: 'schema.unknown' })
})

test('a union has the fields of a schema that joined it a moment ago', async () => {
  const join = async (title: string, field: string) => {
    const part = await theirs.create(caller, 'mixins', group(`${title} fields`, [field]))
    await theirs.create(caller, 'schemas', {
      title,
      allOf: [{ $ref: event }, { $ref: 'https://ns.adobe.com/xdm/context/identitymap' }, { $ref: part.id }],
      'meta:immutableTags': ['union'],
    })
  }
  await join('First', 'first')
  expect(fieldsOf(await look(`${event}__union`, 'unions'))).toEqual(['first'])
  await join('Second', 'second')
  expect(fieldsOf(await look(`${event}__union`, 'unions'))).toEqual(['first', 'second'])
})

test('what one may not see is not shown because somebody else has just seen it', async () => {
  const { schema } = await madeSchema('Guarded')
  await look(schema.id)
  const nobody = { ...caller, principal: { ...caller.principal, id: caller.sandbox.id as never } }
  await expect(ours.look(nobody, { kind: 'schemas', id: schema.id, view: full })).rejects.toMatchObject({
    code: 'access.denied',
  })
})
