import { describe, expect, it } from 'vitest'
import { adobeFunctionTests } from './support/adobe-function-tests.ts'
import { compiledSql } from './support/compiled-sql.ts'
import { elsewhere, examples, exampleTests } from './support/documented-examples.ts'

describe('the examples of the documentation', () => {
  exampleTests(compiledSql)

  it('names each example that runs elsewhere, and why', () => {
    const ids = new Set(examples.map((example) => example.id))
    expect(ids.size).toBe(examples.length)
    expect(Object.keys(elsewhere).filter((id) => ids.has(id))).toEqual([])
    expect(Object.values(elsewhere).every((reason) => reason.length > 10)).toBe(true)
  })
})

adobeFunctionTests(compiledSql)
