/**
 * A read that many ask for at once. Whoever asks while one is under way shares the next one with all who do: what they
 * get was read after they asked, and never two reads run at a time.
 */
export function sharedRead<T>(read: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  let next: Promise<T> | undefined

  function begin(): Promise<T> {
    const began = read()
    running = began
    const ended = () => {
      if (running === began) running = undefined
    }
    began.then(ended, ended)
    return began
  }

  return () => {
    if (!running) return begin()
    next ??= running
      .catch(() => {}) // Theirs who asked for it.
      .then(() => {
        next = undefined
        return begin()
      })
    return next
  }
}
