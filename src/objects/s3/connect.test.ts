import { expect, test } from 'vitest'
import { connect } from './connect.ts'

test.each([
  [{}, 'bucket.s3.eu-west-1.amazonaws.com', '/a/b'],
  [{ forcePathStyle: true }, 's3.eu-west-1.amazonaws.com', '/bucket/a/b'],
  [{ endpoint: 'https://store.example' }, 'store.example', '/bucket/a/b'],
  [{ endpoint: 'https://store.example', forcePathStyle: false }, 'bucket.store.example', '/a/b'],
])('with %o the bucket is where the server looks for it', async (server, hostname, path) => {
  const config = { kind: 's3', bucket: 'bucket', prefix: '', region: 'eu-west-1', ...server } as const
  const { sdk, client } = await connect(config, { credentials: { accessKeyId: 'a', secretAccessKey: 'b' } })
  const asked: unknown[] = []
  client.middlewareStack.add(
    () => async (args) => {
      asked.push(args.request)
      throw new Error('not sent')
    },
    { step: 'finalizeRequest' },
  )
  const command = new sdk.HeadObjectCommand({ Bucket: 'bucket', Key: 'a/b' })
  await expect(client.send(command)).rejects.toThrow('not sent')
  expect(asked).toMatchObject([{ hostname, path }])
  client.destroy()
})
