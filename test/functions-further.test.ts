import { testRecorded } from './support/recorded-tests.ts'

testRecorded('as Apache Spark', 'spark-further')
