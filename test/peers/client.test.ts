/**
 * Goal: the client works with Apache Kafka as with our broker, and with Kafka's Java clients as counterparts. Method: the client's
 * scenarios on a real Apache Kafka that is killed and restarted; records in every codec to and from the console tools; partitions of keys
 * compared with the Java partitioner; transactions written by Kafka's transactional copier; a group shared with a Java consumer.
 */
import { spawn } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codecs } from '../../core/wire/batch-header.ts'
import { clientOf, clientScenarios, committer, pollUntil, record, topicOf, unique } from '../core/client/scenarios.ts'
import { until } from '../until.ts'
import { type KafkaBroker, kafkaScript, kafkaTool, startApacheKafka } from './apache-kafka.ts'

let kafka: KafkaBroker
beforeAll(async () => {
  kafka = await startApacheKafka()
})
afterAll(() => kafka.stop())

clientScenarios(() => kafka)

const range = (count: number) => Array.from({ length: count }, (_, index) => index)

describe('beside the Java clients', () => {
  it('reads what Java writes in every codec, and is read by Java', async () => {
    const client = clientOf(kafka)
    const lines = range(300).map((index) => `${index} ${'calm '.repeat(index % 50)}`)
    const names: string[] = []
    for (const codec of codecs) {
      const name = await topicOf(client)
      names.push(name)
      await kafkaTool(
        ['kafka-console-producer', '--bootstrap-server', kafka.address, '--topic', name, '--compression-codec', codec],
        `${lines.join('\n')}\n`,
      )
      const consumer = client.consumer()
      consumer.assign([{ topic: name, partition: 0, offset: 'earliest' }])
      expect(await pollUntil(consumer, (values) => values.length >= lines.length)).toEqual(lines)
      await client.producer({ compressionType: codec }).send(lines.map((line) => record(name, `${codec} ${line}`)))
    }
    const read = await kafkaTool([
      'kafka-console-consumer',
      '--bootstrap-server',
      kafka.address,
      '--include',
      names.join('|'),
      '--from-beginning',
      '--max-messages',
      `${lines.length * 2 * codecs.length}`,
      '--timeout-ms',
      '20000',
    ])
    const theirs = read.replace(/\n$/, '').split('\n')
    for (const codec of codecs) expect(theirs.filter((line) => line.startsWith(codec))).toEqual(lines.map((line) => `${codec} ${line}`))
    expect(theirs).toHaveLength(lines.length * 2 * codecs.length)
  }, 120_000)

  it('chooses the partitions that the Java producer chooses', async () => {
    const client = clientOf(kafka)
    const [theirs, ours] = [await topicOf(client, 7), await topicOf(client, 7)]
    const keys = range(300).map((index) => `${'ключ-key-'.slice(0, index % 9)}${index}`)
    await kafkaTool(
      ['kafka-console-producer', '--bootstrap-server', kafka.address, '--topic', theirs, '--reader-property', 'parse.key=true'],
      `${keys.map((key) => `${key}\t${key}`).join('\n')}\n`,
    )
    const sent = await client.producer().send(keys.map((key) => record(ours, key, { key })))
    const consumer = client.consumer()
    consumer.assign(range(7).map((partition) => ({ topic: theirs, partition, offset: 'earliest' as const })))
    const found = new Map<string, number>()
    await until(async () => {
      for (const batch of await consumer.poll(200)) for (const entry of batch.records) found.set(entry.key!.toString(), batch.partition)
      return found.size === keys.length
    }, 'all keys')
    expect(keys.map((_, index) => sent.at(index).partition)).toEqual(keys.map((key) => found.get(key)))
  })

  it('reads committed transactions only, once and in order', async () => {
    const client = clientOf(kafka)
    const [from, to] = [await topicOf(client), await topicOf(client)]
    const values = range(120).map((index) => `${index}`)
    await client.producer().send(values.map((value) => record(from, value)))
    await kafkaTool([
      'transactional-message-copier',
      '--input-topic',
      from,
      '--input-partition',
      '0',
      '--output-topic',
      to,
      '--broker-list',
      kafka.address,
      '--transaction-size',
      '7',
      '--transactional-id',
      unique('copier'),
      '--consumer-group',
      unique('copier'),
      '--enable-random-aborts',
    ])
    const read = async (isolationLevel: 'read_committed' | 'read_uncommitted', fetchMaxBytes?: number) => {
      const consumer = client.consumer({ isolationLevel, maxPartitionFetchBytes: fetchMaxBytes, maxPollRecords: 5 })
      consumer.assign([{ topic: to, partition: 0, offset: 'earliest' }])
      const end = (await client.admin.listOffsets([{ topic: to, partition: 0, spec: 'latest' }]))[0]!.offset
      return pollUntil(consumer, () => (consumer.position({ topic: to, partition: 0 }) ?? 0) >= end)
    }
    expect(await read('read_committed')).toEqual(values)
    // One batch in a fetch response: a transaction spans several.
    expect(await read('read_committed', 1)).toEqual(values)
    expect((await read('read_uncommitted')).length).toBeGreaterThan(values.length)
  })

  it.each(['range', 'cooperative-sticky'])('shares a group with a Java consumer (%s)', async (assignor) => {
    const client = clientOf(kafka)
    const name = await topicOf(client, 4)
    const groupId = unique('group')
    const consumer = client.consumer({ groupId, autoOffsetReset: 'earliest', heartbeatIntervalMs: 100, partitionAssignors: [assignor] })
    consumer.subscribe([name])
    let polling = true
    const ours: string[] = []
    const commit = committer(consumer)
    const loop = (async () => {
      while (polling)
        for (const batch of await consumer.poll(50)) {
          ours.push(...batch.records.map((entry) => entry.value!.toString()))
          await commit(batch)
        }
    })()
    await until(() => consumer.assignment.length === 4, 'all partitions')
    const strategy = { range: 'RangeAssignor', 'cooperative-sticky': 'CooperativeStickyAssignor' }[assignor]
    const java = spawn(
      kafkaScript(),
      [
        'kafka-console-consumer',
        '--bootstrap-server',
        kafka.address,
        '--topic',
        name,
        '--group',
        groupId,
        '--consumer-property',
        `partition.assignment.strategy=org.apache.kafka.clients.consumer.${strategy}`,
        '--consumer-property',
        'heartbeat.interval.ms=200',
        '--consumer-property',
        'auto.offset.reset=earliest',
      ],
      { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, KAFKA_HEAP_OPTS: '-Xmx128m' } },
    )
    let theirs = ''
    java.stdout.on('data', (chunk) => {
      theirs += chunk
    })
    try {
      await until(() => consumer.assignment.length === 2, 'half of the partitions', 30_000)
      await client.producer().send(range(40).map((index) => record(name, `${index}`, { partition: index % 4 })))
      const all = () => [...ours, ...theirs.split('\n').filter((line) => /^\d+$/.test(line))]
      await until(() => new Set(all()).size === 40, 'all records')
      expect(all()).toHaveLength(40)
      java.kill('SIGTERM')
      await until(() => consumer.assignment.length === 4, 'all partitions again', 30_000)
    } finally {
      java.kill('SIGKILL')
    }
    polling = false
    await loop
  })
})
