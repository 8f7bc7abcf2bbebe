import { AppError, type TextPosition } from '#base/errors.ts'

/** What fails without a place of its own fails at this one. */
export async function placedAt<T>(position: TextPosition | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof AppError && position ? error.at(position) : error
  }
}
