import { createHash, randomUUID } from 'node:crypto'
import { AppError } from '../../src/base/errors.ts'
import type { ObjectStore, Staged } from '../../src/objects/object-store.ts'

export interface MemoryStore extends ObjectStore {
  /** Visible objects, open to a test's mischief. */
  readonly objects: Map<string, Uint8Array>
  /** Staged and not yet visible, by token id. */
  readonly staged: Map<string, Uint8Array>
}

/** A whole object store in memory, by the letter of the interface. */
export function memoryStore(location = 'memory://test'): MemoryStore {
  const objects = new Map<string, Uint8Array>()
  const staged = new Map<string, Uint8Array>()
  const missing = (name: string) => new AppError('object.missing', `There is no object ${name}.`)
  const stagedOf = (bytes: Uint8Array): Staged => ({
    bytes: bytes.byteLength,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  })
  return {
    location,
    objects,
    staged,
    prepare: (name, owner) => ({ name, owner, id: randomUUID() }),
    stage: async (token, bytes, { signal }) => {
      const chunks: Uint8Array[] = []
      for await (const chunk of bytes) {
        signal.throwIfAborted()
        chunks.push(chunk)
      }
      const whole = new Uint8Array(Buffer.concat(chunks))
      staged.set(token.id, whole)
      return stagedOf(whole)
    },
    complete: async (token, promised) => {
      const bytes = staged.get(token.id)
      const there = objects.get(token.name)
      if (there) {
        if (stagedOf(there).sha256 !== promised.sha256)
          throw new AppError('object.exists', `${token.name} holds other bytes.`)
      } else {
        if (!bytes) throw missing(token.name)
        objects.set(token.name, bytes)
      }
      staged.delete(token.id)
    },
    abort: async (token) => {
      staged.delete(token.id)
    },
    readStaged: async function* (token) {
      const bytes = staged.get(token.id)
      if (!bytes) throw missing(token.name)
      yield bytes
    },
    putIfAbsent: async (name, bytes) => {
      if (objects.has(name)) return 'exists'
      objects.set(name, new Uint8Array(bytes))
      return 'created'
    },
    list: async function* (prefix) {
      for (const name of [...objects.keys()].filter((name) => name.startsWith(prefix)).sort())
        yield { name, bytes: objects.get(name)!.byteLength, modifiedAt: new Date(0) }
    },
    head: async (name) => {
      const bytes = objects.get(name)
      return bytes && { name, bytes: bytes.byteLength, modifiedAt: new Date(0) }
    },
    read: async function* (name, { start = 0, end }) {
      const bytes = objects.get(name)
      if (!bytes) throw missing(name)
      yield bytes.subarray(start, end)
    },
    delete: async (name) => {
      objects.delete(name)
    },
    [Symbol.asyncDispose]: async () => {},
  }
}
