/**
 * Goal: the transactional producer does on Apache Kafka what the Java producer does, by both protocols of transactions. Method: the
 * scenarios of the producer, on a real Apache Kafka with transaction.version 2 and on one with version 1, which is upgraded at the end; a
 * Java producer with the same transactional id.
 */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { isAbortable, isFenced } from '../../core/client/index.ts'
import { clientOf, record, topicOf, unique } from '../core/client/scenarios.ts'
import {
  clientThrough,
  dataBatches,
  failureOf,
  readAll,
  transactionScenarios,
  untilCommitted,
} from '../core/client/transaction-scenarios.ts'
import { faultProxy } from '../fault-proxy.ts'
import { type KafkaBroker, kafkaTool, startApacheKafka } from './apache-kafka.ts'

/** On a busy machine two JVMs, one after the other, take longer than a hook may. */
const START_MS = 180_000
/** How often the coordinator aborts what has timed out. */
const settings = { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': 500 }

describe.each([2, 1] as const)('transaction.version %i', (version) => {
  let kafka: KafkaBroker
  beforeAll(async () => {
    kafka = await startApacheKafka(settings, `-f transaction.version=${version}`)
  }, START_MS)
  afterAll(() => kafka.stop())

  transactionScenarios(() => kafka, version)

  it('is fenced by a Java producer, and takes over from it', async () => {
    const client = clientOf(kafka)
    const [from, to] = [await topicOf(client), await topicOf(client)]
    const transactionalId = unique('tx')
    await client.producer().send(Array.from({ length: 20 }, (_, index) => record(from, `${index}`)))
    const producer = client.producer({ transactionalId })
    await producer.initTransactions()
    await untilCommitted(producer, () => producer.send([record(to, 'before')]))
    producer.beginTransaction()
    await producer.send([record(to, 'open')])
    await kafkaTool(
      `transactional-message-copier --input-topic ${from} --input-partition 0 --output-topic ${to} --broker-list ${kafka.address}
       --transaction-size 7 --transactional-id ${transactionalId} --consumer-group ${unique('copier')}`.split(/\s+/),
    )
    let failure = await failureOf(producer.send([record(to, 'late')]).then(() => producer.commitTransaction()))
    if (isAbortable(failure)) failure = await failureOf(producer.abortTransaction())
    expect(isFenced(failure)).toBe(true)
    const next = client.producer({ transactionalId })
    await next.initTransactions()
    await untilCommitted(next, () => next.send([record(to, 'after')]))
    expect(await readAll(client, to)).toEqual([['before', ...Array.from({ length: 20 }, (_, index) => `${index}`), 'after']])
  })

  it.runIf(version === 1)('changes to transaction.version 2 with the cluster', async () => {
    const proxy = await faultProxy(kafka.port)
    onTestFinished(() => proxy.close())
    const client = clientThrough(proxy.port)
    const topic = await topicOf(client)
    const producer = client.producer({ transactionalId: unique('tx') })
    await producer.initTransactions()
    const send = (value: string) => untilCommitted(producer, () => producer.send([record(topic, value)]))
    await send('1')
    await send('2')
    await kafkaTool(['kafka-features', '--bootstrap-server', kafka.address, 'upgrade', '--feature', 'transaction.version=2'])
    // The client learns it from its next connection. The transaction that finds it ends by the protocol by which it began.
    proxy.cut()
    await send('3')
    await send('4')
    await send('5')
    const sent = (await dataBatches(client, topic)).map(({ producerEpoch, baseSequence }) => [producerEpoch, baseSequence])
    const [epoch] = sent[0]!
    expect(sent).toEqual([
      [epoch, 0],
      [epoch, 1],
      [epoch, 2],
      [epoch! + 1, 0],
      [epoch! + 2, 0],
    ])
    expect(await readAll(client, topic)).toEqual([['1', '2', '3', '4', '5']])
  })
})
