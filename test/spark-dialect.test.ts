import { describe } from 'vitest'
import { adobeFunctionTests, type OpenSql } from './support/adobe-function-tests.ts'
import { compiledSpark } from './support/compiled-spark.ts'
import { exampleTests } from './support/documented-examples.ts'
import { sharedSpark } from './support/spark.ts'
import { isSparkMissing } from './support/spark-server.ts'

const open: OpenSql = async (tables) => compiledSpark(await sharedSpark(), tables)

describe.skipIf(isSparkMissing)('on Spark', () => {
  describe('the examples of the documentation', () => exampleTests(open))

  adobeFunctionTests(open)
})
