/**
 * Story of core/client. Goal: its transactional producer does on our broker what it does on Apache Kafka. Method: the scenarios of the
 * producer, against a broker in a process of its own.
 */
import { afterAll, beforeAll } from 'vitest'
import { startTestBroker, type TestBroker } from '../../running-broker.ts'
import { transactionScenarios } from './transaction-scenarios.ts'

let broker: TestBroker
beforeAll(async () => {
  broker = await startTestBroker({ 'transaction.abort.timed.out.transaction.cleanup.interval.ms': 500 })
})
afterAll(() => broker.stop())

transactionScenarios(() => broker, 2)
