import { expect, onTestFinished, test } from 'vitest'
import { ExportBed } from '../../test/support/exports.ts'
import { hasS3Server, startS3Server } from '../../test/support/s3-server.ts'
import { startStsServer } from '../../test/support/sts-server.ts'
import { destinationSpecs } from './destination-specs.ts'
import { openDestination } from './destinations/open-destination.ts'

const arn = 'arn:aws:iam::123456789012:role/out'

async function open(change: { readonly allowsServerIdentity?: boolean } = {}) {
  const bed = await ExportBed.open()
  onTestFinished(() => bed[Symbol.asyncDispose]())
  const node = await bed.node(change)
  const connectionSpec = { id: destinationSpecs.s3.connectionSpecId, version: '1.0' }
  const make = async (params: object) =>
    await node.exports.createEntity(bed.caller, 'connections', {
      name: 'theirs',
      connectionSpec,
      auth: { specName: 'Assumed Role', params },
    })
  return { bed, node, make }
}

test.runIf(hasS3Server)('a delivery is made in a role that is assumed by a key', async () => {
  const { bed, node } = await open()
  await using server = await startS3Server()
  await using sts = await startStsServer(() => ({
    ...server.credentials,
    expiresAt: new Date(Date.now() + 3_600_000),
  }))
  const { endpoint, region } = server
  const params = { s3Role: arn, endpoint, region, stsEndpoint: sts.endpoint, externalId: 'chosen' }
  const key = { s3AccessKey: 'AKIDOFOURS', s3SecretKey: 'a-secret-of-ours' }
  const dataset = await bed.dataset()
  await bed.append(dataset, 0, 10)
  const flowId = await bed.flow(node, dataset, {
    destination: {
      specs: destinationSpecs.s3,
      auth: { specName: 'Assumed Role', params: { ...params, ...key } },
      params: { bucketName: await server.makeBucket(), path: 'out' },
    },
  })
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 10 } })
  expect(sts.requests.at(-1)?.form).toMatchObject({ RoleArn: arn, ExternalId: 'chosen' })
})

test('with the identity of the server a role is assumed for its sandbox alone, whatever is asked for', async () => {
  const { bed, node, make } = await open({ allowsServerIdentity: true })
  const { id, etag } = await make({ s3Role: arn, externalId: 'of-somebody-else' })
  const shown = async () => await node.exports.entity(bed.caller, 'connections', id)
  const ours = {
    auth: { specName: 'Assumed Role', params: { s3Role: arn, externalId: bed.caller.sandbox.id } },
  }
  expect(await shown()).toMatchObject(ours)
  await node.exports.patchEntity(bed.caller, 'connections', id, etag, [
    { op: 'replace', path: '/auth/params', value: { externalId: 'of-somebody-else' } },
  ])
  expect(await shown()).toMatchObject(ours)
  await expect(make({ s3Role: 'arn:aws:iam::1:user/x' })).rejects.toThrow('/auth/params/s3Role')
})

test('the identity of the server is lent only where its owner says so, and shown to no service of theirs', async () => {
  const { bed, make } = await open()
  await expect(make({ s3Role: arn })).rejects.toThrow(/s3AccessKey: is missing.*exports\.serverIdentity/)
  await make({ s3Role: arn, s3AccessKey: 'AKIDOFOURS', s3SecretKey: 'a-secret-of-ours' })
  const lends = await bed.node({ nodeId: 'b', allowsServerIdentity: true })
  const connection = {
    name: 'by the server',
    connectionSpec: { id: destinationSpecs.s3.connectionSpecId, version: '1.0' },
    auth: { specName: 'Assumed Role', params: { s3Role: arn } },
  }
  const { id } = await lends.exports.createEntity(bed.caller, 'connections', connection)
  const refused = {
    code: 'flow.invalid',
    message: expect.stringContaining('exports.serverIdentity') as string,
  }
  // What was made while it was lent is not used any more.
  await using stores = new AsyncDisposableStack()
  const target = { kind: 's3', bucket: 'out', prefix: '', region: 'us-east-1' } as const
  const options = {
    metadata: bed.metadata,
    secrets: await bed.secrets(),
    allowsServerIdentity: false,
    landing: bed.landing,
  }
  const opened = openDestination(options, { target, connectionId: id }).then((store) => stores.use(store))
  await expect(opened).rejects.toMatchObject(refused)
  const { auth } = connection
  const theirs = { ...auth, params: { ...auth.params, stsEndpoint: 'https://sts.example.com' } }
  await expect(
    lends.exports.createEntity(bed.caller, 'connections', { ...connection, auth: theirs }),
  ).rejects.toThrow('/auth/params/stsEndpoint: goes with a key of your own')
})
