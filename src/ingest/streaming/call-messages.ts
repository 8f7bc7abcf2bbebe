import { AppError } from '#base/errors.ts'
import { isTooDeep, tooDeep } from '../records.ts'
import { parseStrictJson } from '../strict-json.ts'
import type { CallText } from '../streaming.ts'
import { refused } from './message.ts'

/** A body holds no more that can be taken; of what cannot be it could, and each has its answer. */
export const messagesMax = 10_000

/** @throws AppError 'request.invalid' */
export function messagesOf({ text, isSeveral }: CallText): readonly unknown[] {
  const body = bodyOf(text)
  if (!isSeveral) return [body]
  const { messages } = (body ?? {}) as { readonly messages?: unknown }
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new AppError('request.invalid', '$.messages: an array of messages was expected.')
  }
  if (messages.length > messagesMax) {
    throw new AppError(
      'request.invalid',
      `One call has at most ${messagesMax} messages, ${messages.length} came.`,
    )
  }
  return messages
}

function bodyOf(text: string): unknown {
  try {
    return parseStrictJson(text)
  } catch (error) {
    if (isTooDeep(error)) throw refused(tooDeep)
    throw new AppError(
      'request.invalid',
      `The body of the request is not JSON: ${error instanceof Error ? error.message : ''}.`,
    )
  }
}
