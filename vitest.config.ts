import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/support/longest-first.ts'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    exclude: ['**/*.long.test.ts', '**/node_modules/**'],
    pool: 'forks',
    maxWorkers: 2,
    maxConcurrency: 3,
    sequence: { sequencer: LongestFirst },
    testTimeout: 240_000,
    hookTimeout: 240_000,
    // A second, which is usual, is over when another process has the processor for a while.
    expect: { poll: { timeout: 30_000 } },
  },
})
