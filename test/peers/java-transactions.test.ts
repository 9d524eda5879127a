/**
 * Goal: transactions of Kafka's Java clients work unchanged: the newest client in transaction.version 2 and, after kafka-features has
 * downgraded it, in 1; an older client, which knows 1 only, on a broker with 2. Method: the scenario of test/conformance, by a driver in
 * Java; TRIBUTARY_TEST_PEERS_BROKER=kafka runs it on Apache Kafka.
 */
import { openDrivenClient } from '../conformance/driven-client.ts'
import { conformsInTransactions, TRANSACTION_SETTINGS, type TransactionalClient } from '../conformance/transaction-scenario.ts'
import { startTestBroker } from '../running-broker.ts'
import { kafkaTool, startApacheKafka } from './apache-kafka.ts'
import { javaProgram } from './java-program.ts'
import { kafkaClassPath, mavenClassPath } from './maven-jars.ts'

/** The last release before transaction.version 2 was the default; its JSON library is that of the peers' Kafka. */
const OLDER_CLIENT = [
  'org.apache.kafka:kafka-clients:3.8.1',
  'com.fasterxml.jackson.core:jackson-databind:2.16.2',
  'org.slf4j:slf4j-nop:1.7.36',
]

const startBroker = () =>
  process.env.TRIBUTARY_TEST_PEERS_BROKER === 'kafka' ? startApacheKafka(TRANSACTION_SETTINGS) : startTestBroker(TRANSACTION_SETTINGS)

async function startDowngraded() {
  const broker = await startBroker()
  await kafkaTool(['kafka-features', '--bootstrap-server', broker.address, 'downgrade', '--feature', 'transaction.version=1'])
  return broker
}

const driver = async (name: string, classPath: string) => {
  const program = await javaProgram('transactional-driver', classPath)
  return (address: string): Promise<TransactionalClient> =>
    openDrivenClient({
      name,
      command: program.command,
      args: program.args(address),
      isFenced: ({ reported }) => reported === 'ProducerFencedException' || reported === 'InvalidProducerEpochException',
    })
}

const current = await driver('Java', kafkaClassPath())
const older = await driver('Java 3.8', await mavenClassPath('clients-3.8.1', OLDER_CLIENT))
conformsInTransactions('Java 4.3, transaction.version 2', current, { broker: startBroker })
conformsInTransactions('Java 4.3, transaction.version 1', current, { broker: startDowngraded })
conformsInTransactions('Java 3.8', older, { broker: startBroker })
