import { ask } from '../remote/ask.ts'
import { connect } from './connect.ts'
import { failureOf, type S3Failure } from './failure.ts'
import type { S3Credentials, S3StoreConfig } from './s3-config.ts'

/** Said to whom the store knows. */
const knows = new Set(['AccessDenied', 'MethodNotAllowed', 'NotImplemented'])

/** Asks for the list of buckets, as what is not to be had with a wrong key; that it is not open to a right one is no fault. */
export async function checkS3Account(
  config: S3StoreConfig,
  { credentials, signal }: { readonly credentials: S3Credentials | undefined; readonly signal: AbortSignal },
): Promise<void> {
  const connection = await connect(config, { credentials })
  const { sdk, client } = connection
  const location = config.endpoint ?? 'Amazon S3'
  const isKnown = ({ code }: S3Failure) => knows.has(code)
  try {
    await ask(
      { ...connection, location },
      { name: '', signal },
      (abortSignal) => client.send(new sdk.ListBucketsCommand({}), { abortSignal }),
      isKnown,
    )
  } catch (error) {
    const failure = failureOf(error)
    if (!failure || !isKnown(failure)) throw error
  } finally {
    client.destroy()
  }
}
