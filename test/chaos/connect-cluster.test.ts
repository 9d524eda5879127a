/**
 * Goal: three workers with three tasks each lose nothing while one after the other is killed, stopped, paused or cut off; repetitions come
 * with unclean faults only. Method: connect-cluster.ts for some seconds; `npm run chaos:connect` does it for as long as one likes.
 */
import { expect, test } from 'vitest'
import { seededRandom } from '../random.ts'
import { connectChaos } from './connect-cluster.ts'

const SECONDS = 20

test('no gap, and repetitions around unclean faults only', { timeout: 400_000 }, async () => {
  const verdict = await connectChaos({ seconds: SECONDS, exactlyOnce: false, random: seededRandom() })
  expect(verdict.anomalies).toEqual([])
  expect(verdict.counted).toBeGreaterThan(0)
})
