import base from './vitest.config.ts'

/** The heavy campaigns of `npm run test:long`. */
export default {
  ...base,
  test: {
    ...base.test,
    include: ['test/**/*.long.test.ts', 'src/**/*.long.test.ts'],
    exclude: ['**/node_modules/**'],
    testTimeout: 3_600_000,
  },
}
