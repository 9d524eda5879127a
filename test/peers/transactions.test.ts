/**
 * Goal: the transactional producer does on Apache Kafka what the Java producer does, by both protocols of transactions. Method: the
 * scenarios of the producer, on a real Apache Kafka with transaction.version 2 and on one with version 1.
 */
import { afterAll, beforeAll, describe } from 'vitest'
import { transactionScenarios } from '../core/client/transaction-scenarios.ts'
import { type KafkaBroker, startApacheKafka } from './apache-kafka.ts'

/** How often the coordinator aborts what has timed out. */
const settings = { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': 500 }

describe.each([2, 1] as const)('transaction.version %i', (version) => {
  let kafka: KafkaBroker
  beforeAll(async () => {
    kafka = await startApacheKafka(settings, `-f transaction.version=${version}`)
  })
  afterAll(() => kafka.stop())

  transactionScenarios(() => kafka, version)
})
