import { longType, voidType } from '#types/data-type.ts'
import type { Accepts, FunctionEntry, Signature } from './entry.ts'

/** `range(end)` and `range(start, end, step, partitions)` in FROM: whole numbers, the end left out. */
export const rangeFunctions: readonly FunctionEntry[] = [
  {
    names: ['range'],
    kind: 'generator',
    signatures: [
      numbers(['long'], (end) => `0, ${end}`),
      numbers(['long', 'long', 'long', 'long'], (...bounds) => bounds.slice(0, 3).join(', '), 2),
    ],
  },
]

function numbers(
  takes: readonly Accepts[],
  bounds: (...values: readonly string[]) => string,
  optional = 0,
): Signature {
  return {
    takes,
    optional,
    gives: voidType,
    lowering: {
      kind: 'rows',
      columns: () => [{ name: 'id', type: longType }],
      list: ({ values }) => `list_transform(range(${bounds(...values)}), lambda n: struct_pack("id" := n))`,
    },
  }
}
