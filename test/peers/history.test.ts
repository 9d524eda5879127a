/**
 * Goal: the workload and the checker are right about Apache Kafka, so that what they say about our broker counts. Method: the workload with
 * Java's client, a kill and a pause, against Apache Kafka; the history has no anomaly.
 */
import { expect, onTestFinished, test } from 'vitest'
import { alternating, faultRounds } from '../chaos/fault-rounds.ts'
import { check, report } from '../history/check.ts'
import { startWorkload } from '../history/workload.ts'
import { seededRandom } from '../random.ts'
import { kafkaScript, startApacheKafka } from './apache-kafka.ts'

test('Apache Kafka: the history has no anomaly', async () => {
  const random = seededRandom()
  const kafka = await startApacheKafka({ 'transaction.abort.timed.out.transaction.cleanup.interval.ms': 500 })
  onTestFinished(() => kafka.stop())
  const workload = await startWorkload({ bootstrap: kafka.address, random, javaScript: kafkaScript(), endMs: 90_000 })
  await faultRounds(workload, kafka, { rounds: alternating(2), random, longestPauseMs: 7_000 })
  const history = await workload.finish()
  expect(report(check(history).failures)).toBe('')
  expect(history.isComplete).toBe(true)
}, 600_000)
