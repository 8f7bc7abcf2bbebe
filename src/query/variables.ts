import { AppError } from '#base/errors.ts'
import type { Literal } from '#sql/compile.ts'

/** Of all that a statement sees. They are for times, names and numbers; a text of SQL has a million at most. */
const charactersMax = 16 * 1024 * 1024

/** `@variables` of a block. An inner block sees and sets those of the outer ones; its own end with it. */
export class Variables {
  readonly #own = new Map<string, Literal>()
  readonly #outer: Variables | undefined
  #ownCharacters = 0

  constructor(outer?: Variables) {
    this.#outer = outer
  }

  /** @throws AppError 'query.limit' when it is too much to keep */
  set(name: string, value: Literal): void {
    const owner = this.#ownerOf(name) ?? this
    const added = charactersOf(value) - charactersOf(owner.#own.get(name))
    if (this.#characters + added > charactersMax) {
      throw new AppError(
        'query.limit',
        `The variables of a block have at most ${charactersMax} characters together.`,
        { hint: 'Keep what is long in a temporary table.' },
      )
    }
    owner.#own.set(name, value)
    owner.#ownCharacters += added
  }

  all(): Readonly<Record<string, Literal>> {
    return { ...this.#outer?.all(), ...Object.fromEntries(this.#own) }
  }

  get #characters(): number {
    return this.#ownCharacters + (this.#outer ? this.#outer.#characters : 0)
  }

  #ownerOf(name: string): Variables | undefined {
    if (this.#own.has(name)) return this
    return this.#outer ? this.#outer.#ownerOf(name) : undefined
  }
}

function charactersOf(literal: Literal | undefined): number {
  return typeof literal?.value === 'string' ? literal.value.length : 0
}
