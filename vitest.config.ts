import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { NotRun } from './test/not-run.ts'
import { SecondTries, secondTries } from './test/second-tries.ts'

/**
 * `npm test` runs all tests except `test/peers`, which needs Apache Kafka and runs by `npm run test:peers`.
 * Two files run at a time: most of them start real servers, and test machines have few cores.
 */
export default defineConfig({
  // As a worker does it for plugins.
  resolve: {
    alias: {
      'tributary/connect/sdk': join(import.meta.dirname, 'connect/sdk/index.ts'),
      'tributary/connect/contract': join(import.meta.dirname, 'connect/contract/index.ts'),
    },
  },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: process.env.TRIBUTARY_TEST_PEERS ? [] : ['test/peers/**'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: secondTries(),
    reporters: ['default', new NotRun(), new SecondTries()],
  },
})
