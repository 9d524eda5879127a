/**
 * Goal: the client does on our broker what it does on Apache Kafka.
 * Method: the scenarios, against a broker in a process of its own.
 */
import { afterAll, beforeAll } from 'vitest'
import { startTestBroker, type TestBroker } from '../../running-broker.ts'
import { clientScenarios } from './scenarios.ts'

let broker: TestBroker
beforeAll(async () => {
  broker = await startTestBroker()
})
afterAll(() => broker.stop())

clientScenarios(() => broker)
