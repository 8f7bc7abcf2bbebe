/**
 * Work of which many pieces cost hardly more than one, as where each waits for the same disk. What is asked for while some is
 * under way is done together next. Of pieces that fail together each is tried by itself, so that nobody meets the failure of
 * another, and all at once, so that nobody waits for it.
 */
export function doneTogether<T>(
  work: (pieces: readonly T[]) => Promise<void>,
  { togetherMax }: { readonly togetherMax: number },
): (piece: T) => Promise<void> {
  interface Waiting {
    readonly piece: T
    readonly resolve: () => void
    readonly reject: (error: unknown) => void
  }
  let waiting: Waiting[] = []
  let isWorking = false

  async function workOn(together: readonly Waiting[]): Promise<void> {
    try {
      await work(together.map(({ piece }) => piece))
      for (const { resolve } of together) resolve()
    } catch (error) {
      if (together.length === 1) together[0]!.reject(error)
      else await Promise.all(together.map((one) => workOn([one])))
    }
  }

  async function begin(): Promise<void> {
    isWorking = true
    while (waiting.length > 0) {
      const together = waiting.slice(0, togetherMax)
      waiting = waiting.slice(togetherMax)
      await workOn(together)
    }
    isWorking = false
  }

  return async (piece) =>
    await new Promise<void>((resolve, reject) => {
      waiting.push({ piece, resolve, reject })
      if (!isWorking) void begin()
    })
}
