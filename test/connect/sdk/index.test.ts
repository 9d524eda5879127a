/**
 * Goal: connectors wait between attempts as the rest of the project does: twice as long each time, up to a limit, with jitter. Method: the
 * back-off that the SDK exports, for many attempts.
 */
import { expect, test } from 'vitest'
import { backoff } from '../../../connect/sdk/index.ts'

test('a back-off doubles up to its limit, with 20 % jitter either way', () => {
  for (const [attempt, meanMs] of [100, 200, 400, 800, 1000, 1000].entries())
    for (let round = 0; round < 50; round++) {
      const waitMs = backoff({ baseMs: 100, maxMs: 1000 }, attempt)
      expect(waitMs).toBeGreaterThanOrEqual(meanMs * 0.8)
      expect(waitMs).toBeLessThanOrEqual(meanMs * 1.2)
    }
})
