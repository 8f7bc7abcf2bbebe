import { describe, expect, test } from 'vitest'
import type { S3Error } from './s3-error.ts'
import { isSignedWith, readSigned, type Request } from './signature.ts'
import { queryOf } from './uri.ts'

/** The examples of Amazon's reference. @see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const signedAt = new Date('2013-05-24T00:00:00Z')
const host = 'examplebucket.s3.amazonaws.com'
const later = (ms: number) => new Date(signedAt.getTime() + ms)

const byHeader: Request = {
  method: 'GET',
  path: '/test.txt',
  query: [],
  headers: {
    host,
    range: 'bytes=0-9',
    'x-amz-content-sha256': empty,
    'x-amz-date': '20130524T000000Z',
    authorization:
      'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  },
}

const address =
  'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404'
const byAddress: Request = { method: 'GET', path: '/test.txt', query: queryOf(address), headers: { host } }

const byQuery: Request = {
  ...byHeader,
  path: '/',
  query: queryOf('max-keys=2&prefix=J'),
  headers: {
    host,
    'x-amz-content-sha256': empty,
    'x-amz-date': '20130524T000000Z',
    authorization:
      'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  },
}

describe('a request as Amazon’s reference signs it', () => {
  test.each([
    ['by headers', byHeader],
    ['by its address', byAddress],
    ['with a query', byQuery],
  ])('%s is that of its secret, and of no other', (_, request) => {
    const signed = readSigned(request, signedAt)
    expect(signed.accessKeyId).toBe('AKIAIOSFODNN7EXAMPLE')
    expect(isSignedWith(signed, secret)).toBe(true)
    expect(isSignedWith(signed, `${secret}x`)).toBe(false)
    for (const other of [
      { ...request, method: 'DELETE' },
      { ...request, path: '/test.tx' },
      { ...request, query: [...request.query, ['acl', ''] as const] },
      { ...request, headers: { ...request.headers, host: 'elsewhere' } },
    ]) {
      expect(isSignedWith(readSigned(other, signedAt), secret)).toBe(false)
    }
  })

  test('is good for a quarter of an hour, an address for as long as it says', () => {
    const codeAt = (request: Request, at: Date) => {
      try {
        return readSigned(request, at) && 'good'
      } catch (error) {
        return (error as S3Error).code
      }
    }
    const quarter = 15 * 60_000
    expect(codeAt(byHeader, later(quarter))).toBe('good')
    expect(codeAt(byHeader, later(quarter + 1))).toBe('RequestTimeTooSkewed')
    expect(codeAt(byHeader, later(-quarter - 1))).toBe('RequestTimeTooSkewed')
    expect(codeAt(byAddress, later(86_400_000))).toBe('good')
    expect(codeAt(byAddress, later(86_400_001))).toBe('AccessDenied')
    expect(codeAt(byAddress, later(-quarter - 1))).toBe('RequestTimeTooSkewed')
    const forever = queryOf(address.replace('86400', '8640000'))
    expect(codeAt({ ...byAddress, query: forever }, signedAt)).toBe('AuthorizationHeaderMalformed')
  })

  test.each([
    ['without any', { ...byHeader, headers: { host } }, 'AccessDenied'],
    [
      'with a header beside it',
      { ...byHeader, headers: { ...byHeader.headers, 'x-amz-a': '' } },
      'AccessDenied',
    ],
    [
      'of another day',
      { ...byHeader, headers: { ...byHeader.headers, 'x-amz-date': '20130525T000000Z' } },
      'AuthorizationHeaderMalformed',
    ],
    [
      'of another form',
      { ...byHeader, headers: { ...byHeader.headers, authorization: 'AWS A:b' } },
      'AuthorizationHeaderMalformed',
    ],
    ['that is no text', { ...byHeader, path: '/%ff' }, 'InvalidURI'],
  ])('%s is refused', (_, request, code) => {
    expect(() => readSigned(request, signedAt)).toThrow(expect.objectContaining({ code }))
  })
})
