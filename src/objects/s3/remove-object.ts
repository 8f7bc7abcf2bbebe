import { ask, type Asking } from '../remote/ask.ts'
import type { Connection } from './connection.ts'
import { failureOf, isMissing } from './failure.ts'

/** Nothing happens when it is not there. @throws AppError 'store.…' */
export async function removeObject(
  connection: Connection,
  { key, ...asking }: Asking & { readonly key: string },
): Promise<void> {
  const { sdk, client, bucket } = connection
  const command = new sdk.DeleteObjectCommand({ Bucket: bucket, Key: key })
  try {
    await ask(connection, asking, (abortSignal) => client.send(command, { abortSignal }), isMissing)
  } catch (error) {
    if (!isMissing(failureOf(error))) throw error
  }
}
