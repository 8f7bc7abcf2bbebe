import { AppError } from '#base/errors.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { structOf, type Member } from '../bind/build.ts'
import { rewritten, scalar } from './define.ts'
import type { FunctionEntry } from './entry.ts'

export const structFunctions: readonly FunctionEntry[] = [
  {
    ...scalar('named_struct', rewritten([], namedStruct, { rest: 'any' })),
    remarks: 'Name, value, name, value, …; names are constants.',
  },
]

function namedStruct(values: readonly BoundExpression[]): BoundExpression {
  const members: Member[] = []
  if (values.length === 0) throw notPairs()
  for (let index = 0; index < values.length; index += 2) {
    const [name, value] = [values[index], values[index + 1]]
    if (!value || name?.kind !== 'literal' || name.type.kind !== 'string' || name.value === null) {
      throw notPairs()
    }
    members.push({ name: String(name.value), value })
  }
  return structOf(members)
}

function notPairs(): AppError {
  return new AppError('query.type', 'named_struct takes pairs of a name and a value.', {
    hint: "Write named_struct('a', 1, 'b', 2).",
  })
}
