/** Keeps values until their weights exceed the maximum; the least recently used go first. */
export class ByteCache {
  readonly #bytesMax: number
  readonly #items = new Map<string, { readonly value: unknown; readonly bytes: number }>()
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get(key: string): unknown {
    const item = this.#items.get(key)
    if (!item) return undefined
    this.#items.delete(key)
    this.#items.set(key, item)
    return item.value
  }

  set(key: string, value: unknown, bytes: number): void {
    this.#remove(key)
    if (bytes > this.#bytesMax) return
    this.#items.set(key, { value, bytes })
    this.#bytes += bytes
    for (const oldest of this.#items.keys()) {
      if (this.#bytes <= this.#bytesMax) return
      this.#remove(oldest)
    }
  }

  #remove(key: string): void {
    const item = this.#items.get(key)
    if (!item) return
    this.#items.delete(key)
    this.#bytes -= item.bytes
  }
}
