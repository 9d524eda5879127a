import { defineConfig } from 'vitest/config'

/**
 * `npm test` runs every project but `peers`, which needs Apache Kafka and runs by `npm run test:peers`.
 * Files run two at a time: most of them start real servers, and the machines that run them have few cores.
 */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: process.env.TRIBUTARY_TEST_PEERS ? [] : ['test/peers/**'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
