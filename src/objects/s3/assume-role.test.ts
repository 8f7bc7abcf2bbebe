import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { hasS3Server, type S3Server, startS3Server } from '../../../test/support/s3-server.ts'
import { startStsServer, type StsAnswer, type StsRequest } from '../../../test/support/sts-server.ts'
import { s3Policy } from './s3-config.ts'
import { openS3Store } from './s3-store.ts'

const signal = new AbortController().signal
const policy = { ...s3Policy, triesMax: 3, firstWaitMs: 1, maxWaitMs: 2 }
const arn = 'arn:aws:iam::123456789012:role/out'
const key = { accessKeyId: 'AKIDOFOURS', secretAccessKey: 'a-secret-of-ours' }
const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000)

describe.runIf(hasS3Server)('a role that is assumed', () => {
  let server: S3Server
  beforeAll(async () => {
    server = await startS3Server()
  })
  afterAll(() => server?.[Symbol.asyncDispose]())

  async function open(answer: (count: number, request: StsRequest) => StsAnswer | number) {
    let count = 0
    const sts = await startStsServer((request) => answer((count += 1), request))
    const bucket = await server.makeBucket()
    const { endpoint, region } = server
    const role = { arn, externalId: 'of-a-sandbox', stsEndpoint: sts.endpoint, key }
    const open = openS3Store(
      { kind: 's3', bucket, prefix: '', endpoint, region },
      { credentials: { role }, policy },
    )
    return { sts, opening: open }
  }
  const put = async (opening: ReturnType<typeof openS3Store>, count: number) => {
    const store = await opening
    for (let at = 0; at < count; at += 1) await store.putIfAbsent(`o${at}`, new Uint8Array([at]), { signal })
    return store
  }

  test('is asked for once, by our key and with the external id, and the store takes what comes of it', async () => {
    const { sts, opening } = await open(() => ({ ...server.credentials, expiresAt: inMinutes(60) }))
    await using closing = sts
    await using store = await put(opening, 3)
    const names: string[] = []
    for await (const { name } of store.list('', { signal })) names.push(name)
    expect(names.toSorted()).toEqual(['o0', 'o1', 'o2'])
    expect(closing.requests).toHaveLength(1)
    const [{ authorization, form }] = sts.requests as [StsRequest]
    expect(authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDOFOURS\/\d{8}\/us-east-1\/sts\/aws4_request/,
    )
    expect(form).toMatchObject({
      Action: 'AssumeRole',
      RoleArn: arn,
      ExternalId: 'of-a-sandbox',
      DurationSeconds: '3600',
      RoleSessionName: 'sluice',
    })
  })

  test('is asked for again before it ends, and what came then is used', async () => {
    const stale = { accessKeyId: server.credentials.accessKeyId, secretAccessKey: 'not-any-more' }
    let isRevoked = false
    const { sts, opening } = await open(() =>
      isRevoked ? { ...stale, expiresAt: inMinutes(60) } : { ...server.credentials, expiresAt: inMinutes(4) },
    )
    await using _closing = sts
    await using store = await put(opening, 1)
    isRevoked = true
    await expect(put(opening, 2)).rejects.toMatchObject({ code: 'store.refused' })
    expect(sts.requests.length).toBeGreaterThan(1)
    expect(store.location).toContain('s3://')
  })

  test('and that is refused is told with what its trust policy must say, and at once', async () => {
    const { sts, opening } = await open(() => 403)
    await using _closing = sts
    const error: unknown = await opening.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({
      code: 'store.refused',
      message: expect.stringContaining(`The role ${arn} may not be assumed (AccessDenied`) as string,
      hint: expect.stringContaining('"of-a-sandbox"') as string,
    })
    expect(JSON.stringify(error)).not.toContain('a-secret')
    expect(sts.requests).toHaveLength(1)
  })

  test('is asked for again while the service is busy', async () => {
    const { sts, opening } = await open((count) =>
      count < 3 ? 503 : { ...server.credentials, expiresAt: inMinutes(60) },
    )
    await using _closing = sts
    await using _store = await put(opening, 1)
    expect(sts.requests).toHaveLength(3)
  })
})

test('the token of an assumed role goes along with every request', async () => {
  const expiresAt = inMinutes(60)
  const given = { accessKeyId: 'ASIATHEIRS', secretAccessKey: 'theirs', sessionToken: 'a-token', expiresAt }
  await using sts = await startStsServer(() => given)
  const tokens: unknown[] = []
  const bucket = createServer((request, response) => {
    tokens.push(request.headers['x-amz-security-token'])
    response.end()
  })
  onTestFinished(() => void bucket.close())
  await new Promise<void>((resolve) => bucket.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(bucket.address() as AddressInfo).port}`
  const role = { arn, stsEndpoint: sts.endpoint, key }
  const config = { kind: 's3', bucket: 'journeys', prefix: '', endpoint, region: 'us-east-1' } as const
  await using store = await openS3Store(config, { credentials: { role }, policy })
  await store.head('o', { signal })
  expect(tokens).toEqual(['a-token', 'a-token'])
  expect(sts.requests[0]?.form['ExternalId']).toBeUndefined()
})
