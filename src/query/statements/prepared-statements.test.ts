import { expect, test } from 'vitest'
import type { StatementOf } from '../query.ts'
import { preparedStatements } from './prepared-statements.ts'

test('their texts have a maximum together, and one that goes makes room', () => {
  const prepared = preparedStatements(() => 1_000_000)
  const named = (name: string) => ({ kind: 'prepare', name }) as StatementOf<'prepare'>
  for (let index = 0; index < 16; index++) prepared.add(named(`s${index}`))
  expect(() => prepared.add(named('one_too_many'))).toThrow(/16777216 characters together/)
  prepared.remove('S0')
  prepared.add(named('instead'))
})
