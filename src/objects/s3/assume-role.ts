import { AppError } from '#base/errors.ts'
import { must } from '#base/assert.ts'
import type { AssumedRole, S3Key } from './s3-config.ts'

interface RoleCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Absent only of services that are not Amazon's. */
  readonly sessionToken?: string
  readonly expiration?: Date
}

/** As long as a role that was reached by another one can last. */
const sessionSeconds = 3_600
const sessionName = 'sluice'
const answerMsMax = 30_000

/**
 * What the S3 client asks for credentials: those of an assumed role, each time new ones. The client keeps them and asks
 * again when less than five minutes of them are left, so that a delivery may take longer than they last.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export function roleCredentials(role: AssumedRole, region: string): () => Promise<RoleCredentials> {
  return async () => {
    const { AssumeRoleCommand, STSClient } = await import('@aws-sdk/client-sts')
    const client = new STSClient({
      region,
      ...(role.stsEndpoint === undefined ? {} : { endpoint: role.stsEndpoint }),
      ...(role.key ? { credentials: keyOf(role.key) } : {}),
      maxAttempts: 1, // Whoever needs the credentials tries again.
    })
    try {
      const command = new AssumeRoleCommand({
        RoleArn: role.arn,
        RoleSessionName: sessionName,
        DurationSeconds: sessionSeconds,
        ...(role.externalId === undefined ? {} : { ExternalId: role.externalId }),
      })
      const { Credentials: given } = await client.send(command, {
        abortSignal: AbortSignal.timeout(answerMsMax),
      })
      const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = must(
        given,
        'STS answers with credentials',
      )
      return {
        accessKeyId: must(AccessKeyId, 'credentials have a key'),
        secretAccessKey: must(SecretAccessKey, 'credentials have a secret'),
        ...(SessionToken === undefined ? {} : { sessionToken: SessionToken }),
        ...(Expiration === undefined ? {} : { expiration: Expiration }),
      }
    } catch (error) {
      throw refusalOf(error, role) ?? error
    } finally {
      client.destroy()
    }
  }
}

/** As Amazon's clients take it. */
export function keyOf({ accessKeyId, secretAccessKey, sessionToken }: S3Key) {
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) }
}

/** Undefined: what may be otherwise in a moment, or is no answer of the service. */
function refusalOf(error: unknown, { arn, externalId }: AssumedRole): AppError | undefined {
  if (!(error instanceof Error)) return undefined
  const { $metadata } = error as { readonly $metadata?: { readonly httpStatusCode?: number } }
  const status = $metadata?.httpStatusCode ?? 0
  if (status < 400 || status >= 500 || status === 429 || error.name === 'ThrottlingException')
    return undefined
  const condition = externalId === undefined ? '' : `, with the external id ${JSON.stringify(externalId)}`
  return new AppError(
    'store.refused',
    `The role ${arn} may not be assumed (${error.name}, HTTP ${status}).`,
    {
      hint: `Its trust policy must let the identity of this server, or the key of the connection, assume it${condition}.`,
    },
  )
}
