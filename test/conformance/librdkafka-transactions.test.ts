/**
 * Goal: transactions of librdkafka work unchanged, in its newest release. Method: the scenario, by a driver in Python.
 */
import { join } from 'node:path'
import { confluentKafkaMissing, pythonWithKafka } from '../services/confluent-kafka.ts'
import { openDrivenClient } from './driven-client.ts'
import { conformsInTransactions } from './transaction-scenario.ts'

const script = join(import.meta.dirname, 'librdkafka-driver.py')

conformsInTransactions(
  'librdkafka',
  (address) =>
    openDrivenClient({
      name: 'librdkafka',
      command: pythonWithKafka.command,
      env: pythonWithKafka.env,
      args: [script, address],
      isFenced: ({ reported, fatal }) => reported === '_FENCED' && fatal,
    }),
  { missing: await confluentKafkaMissing() },
)
