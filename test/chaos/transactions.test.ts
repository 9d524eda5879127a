/**
 * Goal: kill -9 and pauses of the broker break none of its promises to producers, transactions and consumers: nothing is lost, doubled,
 * torn or left hanging. Method: a kill and a pause under clients that are not ours, and the rules of Jepsen's Kafka test on their history.
 * `npm run chaos -- --rounds 50` does the same for longer.
 */
import { expect, onTestFinished, test } from 'vitest'
import { check, report } from '../history/check.ts'
import { startWorkload } from '../history/workload.ts'
import { seededRandom } from '../random.ts'
import { startTestBroker } from '../running-broker.ts'
import { chaosSettings } from './chaos-settings.ts'
import { alternating, faultRounds } from './fault-rounds.ts'

test('a kill -9 and a pause under transactions: the history has no anomaly', async () => {
  const random = seededRandom()
  const broker = await startTestBroker(chaosSettings)
  onTestFinished(() => broker.stop())
  const workload = await startWorkload({ bootstrap: broker.address, random })
  await faultRounds(workload, broker, { rounds: alternating(2), random, longestPauseMs: 2_000 })
  const history = await workload.finish()
  const committed = history.operations.filter(({ transactional, ending }) => transactional && ending === 'ok').length
  console.log(`${history.operations.length} operations, ${committed} transactions committed`)
  expect(report(check(history).failures)).toBe('')
  expect(history.isComplete).toBe(true)
}, 180_000)
