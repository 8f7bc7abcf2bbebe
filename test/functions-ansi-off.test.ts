import { testRecorded } from './support/recorded-tests.ts'

testRecorded('without ANSI mode, as Apache Spark', 'spark-ansi-off')
