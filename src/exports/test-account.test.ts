import { expect, onTestFinished, test } from 'vitest'
import { hasAzureServer, startAzureServer } from '../../test/support/azure-server.ts'
import { ExportBed } from '../../test/support/exports.ts'
import { hasGcsServer, startGcsServer } from '../../test/support/gcs-server.ts'
import { hasS3Server, startS3Server } from '../../test/support/s3-server.ts'
import { type DestinationKind, destinationSpecs } from './destination-specs.ts'

/** Tests accounts that no target connection names a place for. */
async function open(kind: DestinationKind, specName: string) {
  const bed = await ExportBed.open()
  onTestFinished(() => bed[Symbol.asyncDispose]())
  const node = await bed.node()
  return async (params: object) => {
    const connectionSpec = { id: destinationSpecs[kind].connectionSpecId, version: '1.0' }
    const account = { name: 'account', connectionSpec, auth: { specName, params } }
    const { id } = await node.exports.createEntity(bed.caller, 'connections', account)
    return await node.exports.testConnection(bed.caller, id)
  }
}

const asked = { result: true, places: [], tried: expect.stringContaining('The account was asked') }

test.skipIf(!hasS3Server)('an account of S3 without a place is asked whether its key is right', async () => {
  await using server = await startS3Server()
  const { accessKeyId: s3AccessKey, secretAccessKey: s3SecretKey } = server.credentials
  const { endpoint, region } = server
  const tested = await open('s3', 'Access Key')
  expect(await tested({ s3AccessKey, s3SecretKey, endpoint, region })).toEqual(asked)
  for (const wrong of [{ s3SecretKey: 'another' }, { s3AccessKey: 'nobody' }])
    await expect(tested({ s3AccessKey, s3SecretKey, endpoint, region, ...wrong })).rejects.toMatchObject({
      code: 'store.refused',
    })
})

test.skipIf(!hasAzureServer)('so is one of Azure', async () => {
  await using server = await startAzureServer()
  const { account, accountKey, endpoint } = server
  const tested = await open('azure', 'ConnectionString')
  const by = (key: string) => ({
    connectionString: `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${key};BlobEndpoint=${endpoint}`,
  })
  expect(await tested(by(accountKey))).toEqual(asked)
  const other = Buffer.from('another key').toString('base64')
  await expect(tested(by(other))).rejects.toMatchObject({ code: 'store.refused' })
})

test.skipIf(!hasGcsServer)('and a service account of Google', async () => {
  await using server = await startGcsServer()
  const { serviceAccountKey, endpoint } = server
  const tested = await open('gcs', 'Service Account Key')
  expect(await tested({ serviceAccountKey, endpoint })).toEqual(asked)
  server.disableAccount()
  await expect(tested({ serviceAccountKey, endpoint })).rejects.toMatchObject({ code: 'store.refused' })
})

test('the connection to the lake, which nobody made, is as good as the server', async () => {
  const bed = await ExportBed.open()
  onTestFinished(() => bed[Symbol.asyncDispose]())
  const node = await bed.node()
  const flowId = await bed.flow(node, await bed.dataset())
  const { sourceConnectionIds } = await node.exports.entity(bed.caller, 'flows', flowId)
  const [sourceId] = sourceConnectionIds as string[]
  const { baseConnectionId } = await node.exports.entity(bed.caller, 'sourceConnections', sourceId!)
  expect(await node.exports.testConnection(bed.caller, baseConnectionId as string)).toMatchObject({
    result: true,
  })
})
