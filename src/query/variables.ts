import type { Literal } from '#sql/compile.ts'

/** `@variables` of a block. An inner block sees and sets those of the outer ones; its own end with it. */
export class Variables {
  readonly #own = new Map<string, Literal>()
  readonly #outer: Variables | undefined

  constructor(outer?: Variables) {
    this.#outer = outer
  }

  set(name: string, value: Literal): void {
    const owner = this.#ownerOf(name) ?? this
    owner.#own.set(name, value)
  }

  all(): Readonly<Record<string, Literal>> {
    return { ...this.#outer?.all(), ...Object.fromEntries(this.#own) }
  }

  #ownerOf(name: string): Variables | undefined {
    if (this.#own.has(name)) return this
    return this.#outer ? this.#outer.#ownerOf(name) : undefined
  }
}
