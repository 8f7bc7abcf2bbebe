import type { FunctionEntry } from './entry.ts'

/** Every function of the dialect, by topic. A name stands once. */
const entries: readonly FunctionEntry[] = []

const byName = new Map(entries.flatMap((entry) => entry.names.map((name) => [name, entry] as const)))

/** The function of that name, upper or lower case. */
export function findFunction(name: string): FunctionEntry | undefined {
  return byName.get(name.toLowerCase())
}

/** Names to suggest from: words only, no operators. */
export const functionNames: readonly string[] = [...byName.keys()].filter((name) => /^[a-z]/.test(name))
