import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface StsAnswer {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Absent for S3 servers that know no such thing. */
  readonly sessionToken?: string
  readonly expiresAt: Date
}

export interface StsRequest {
  readonly authorization: string
  readonly form: Readonly<Record<string, string>>
}

/**
 * Answers AssumeRole as Amazon's service does: from its reference, not from the service. A number is the status of a
 * refusal.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export async function startStsServer(
  answer: (request: StsRequest) => StsAnswer | number,
): Promise<AsyncDisposable & { readonly endpoint: string; readonly requests: readonly StsRequest[] }> {
  const requests: StsRequest[] = []
  const server = createServer((request, response) => {
    const reply = async () => {
      const form = Object.fromEntries(new URLSearchParams(await text(request)))
      const asked = { authorization: request.headers.authorization ?? '', form }
      requests.push(asked)
      const given = answer(asked)
      response.statusCode = typeof given === 'number' ? given : 200
      response.setHeader('content-type', 'text/xml')
      response.end(typeof given === 'number' ? refusal(given) : credentials(given))
    }
    reply().catch((error: unknown) => response.destroy(error as Error))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const namespace = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'

function credentials({ accessKeyId, secretAccessKey, sessionToken, expiresAt }: StsAnswer): string {
  return `<AssumeRoleResponse ${namespace}><AssumeRoleResult>
    <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/out/sluice</Arn><AssumedRoleId>AROA:sluice</AssumedRoleId></AssumedRoleUser>
    <Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>
    ${sessionToken === undefined ? '' : `<SessionToken>${sessionToken}</SessionToken>`}<Expiration>${expiresAt.toISOString()}</Expiration></Credentials>
    </AssumeRoleResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleResponse>`
}

function refusal(status: number): string {
  const code = status === 403 ? 'AccessDenied' : 'ServiceUnavailable'
  return `<ErrorResponse ${namespace}><Error><Type>Sender</Type><Code>${code}</Code>
    <Message>User is not authorized to perform: sts:AssumeRole</Message></Error><RequestId>1</RequestId></ErrorResponse>`
}
