/**
 * Goal: Kafka's command-line tools work with our broker as with Apache Kafka's. Method: each tool as an operator runs it, against a broker
 * started from a server.properties; its output is compared with what it prints for Kafka.
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startTestBroker, type TestBroker } from '../running-broker.ts'
import { kafkaTool } from './apache-kafka.ts'

// Each tool starts a JVM.
vi.setConfig({ testTimeout: 240_000 })

let broker: TestBroker
const server = () => ['--bootstrap-server', broker.address]
const tool = (name: string, ...args: string[]) => kafkaTool([name, ...server(), ...args])
/** The output of a tool that fails. */
const failing = (name: string, ...args: string[]) =>
  tool(name, ...args).then(
    (out) => Promise.reject(new Error(`${name} should have failed: ${out}`)),
    (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
  )

beforeAll(async () => {
  broker = await startTestBroker()
})
afterAll(() => broker.stop())

test('kafka-broker-api-versions', async () => {
  const out = await tool('kafka-broker-api-versions')
  expect(out).toMatch(/\(id: 1 rack: null isFenced: false\) -> \(/)
  expect(out).toContain('Produce(0): 0 to 13 [usable: 13]')
  expect(out).toContain('Fetch(1): 4 to 18 [usable: 18]')
  expect(out).toContain('AddPartitionsToTxn(24): 0 to 5 [usable: 5]')
})

describe('kafka-topics', () => {
  test('create, list, describe, add partitions, delete', async () => {
    expect(await tool('kafka-topics', '--create', '--topic', 'rivers', '--partitions', '3', '--config', 'retention.ms=3600000')).toContain(
      'Created topic rivers.',
    )
    expect((await tool('kafka-topics', '--list')).split('\n')).toContain('rivers')
    await tool('kafka-topics', '--alter', '--topic', 'rivers', '--partitions', '5')
    const described = await tool('kafka-topics', '--describe', '--topic', 'rivers')
    expect(described).toMatch(
      /Topic: rivers\tTopicId: [\w-]{22}\tPartitionCount: 5\tReplicationFactor: 1\tConfigs: .*retention\.ms=3600000/,
    )
    expect(described).toMatch(/Topic: rivers\tPartition: 4\tLeader: 1\tReplicas: 1\tIsr: 1/)
    await tool('kafka-topics', '--delete', '--topic', 'rivers')
    expect((await tool('kafka-topics', '--list')).split('\n')).not.toContain('rivers')
  })

  test('impossible requests fail with Kafka’s messages', async () => {
    expect(await failing('kafka-topics', '--create', '--topic', 'far', '--replication-factor', '3')).toContain(
      'Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 broker(s) are registered',
    )
    await tool('kafka-topics', '--create', '--topic', 'a.b')
    expect(await failing('kafka-topics', '--create', '--topic', 'a_b')).toContain("Topic 'a_b' collides with existing topic: a.b")
  })
})

test('kafka-configs: alter, append, describe with synonyms, delete; of topics and of brokers', async () => {
  await tool('kafka-topics', '--create', '--topic', 'set')
  const topic = ['--entity-type', 'topics', '--entity-name', 'set']
  await tool('kafka-configs', '--alter', ...topic, '--add-config', 'retention.ms=1234,cleanup.policy=[compact,delete]')
  const described = await tool('kafka-configs', '--describe', ...topic)
  expect(described).toMatch(/retention\.ms=1234 sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:retention\.ms=1234/)
  expect(described).toMatch(/cleanup\.policy=compact,delete/)
  await tool('kafka-configs', '--alter', ...topic, '--delete-config', 'retention.ms')
  expect(await tool('kafka-configs', '--describe', ...topic)).not.toContain('retention.ms=')
  const all = await tool('kafka-configs', '--describe', '--all', ...topic)
  expect(all).toMatch(/segment\.bytes=1073741824 sensitive=false synonyms=\{DEFAULT_CONFIG:log\.segment\.bytes=1073741824\}/)
  await tool('kafka-configs', '--alter', '--entity-type', 'brokers', '--entity-default', '--add-config', 'log.retention.ms=777')
  expect(await tool('kafka-configs', '--describe', '--entity-type', 'brokers', '--entity-default')).toContain('log.retention.ms=777')
  await tool('kafka-configs', '--alter', '--entity-type', 'brokers', '--entity-default', '--delete-config', 'log.retention.ms')
  expect(
    await failing('kafka-configs', '--alter', '--entity-type', 'brokers', '--entity-name', '1', '--add-config', 'num.partitions=4'),
  ).toContain('Cannot update these configs dynamically: [num.partitions]')
})

describe('records', () => {
  test('kafka-verifiable-producer, kafka-get-offsets, kafka-delete-records, kafka-verifiable-consumer', async () => {
    await tool('kafka-topics', '--create', '--topic', 'verified', '--partitions', '2')
    const produced = await tool('kafka-verifiable-producer', '--topic', 'verified', '--max-messages', '500', '--acks', '-1')
    expect(produced).toMatch(/"name":"tool_data".*"acked":500|"acked":500/)
    const offsets = async (...more: string[]) =>
      Object.fromEntries(
        (await tool('kafka-get-offsets', '--topic', 'verified', ...more))
          .trim()
          .split('\n')
          .map((line) => [line.split(':')[1], Number(line.split(':')[2])]),
      )
    const ends = await offsets()
    expect(ends[0]! + ends[1]!).toBe(500)

    // A producer without keys may write to one partition only.
    const filled = ends[0]! >= 10 ? 0 : 1
    const cut = { partitions: [{ topic: 'verified', partition: filled, offset: 10 }], version: 1 }
    const file = join(broker.dir, '..', 'cut.json')
    writeFileSync(file, JSON.stringify(cut))
    expect(await tool('kafka-delete-records', '--offset-json-file', file)).toMatch(/partition: verified-\d\s+low_watermark: 10/)
    expect((await offsets('--time', 'earliest'))[filled]).toBe(10)

    const consumed = await kafkaTool([
      'kafka-verifiable-consumer',
      ...server(),
      '--topic',
      'verified',
      '--group-id',
      'verifiers',
      '--max-messages',
      '490',
      '--reset-policy',
      'earliest',
    ])
    const counts = consumed
      .split('\n')
      .flatMap((line) => (line.includes('"records_consumed"') ? [JSON.parse(line) as { count: number }] : []))
    expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(490)
    expect(await tool('kafka-consumer-groups', '--describe', '--group', 'verifiers')).toMatch(
      new RegExp(`verifiers\\s+verified\\s+${filled}\\s+\\d+\\s+\\d+\\s+\\d+`),
    )
  })

  test('kafka-console-producer and kafka-console-consumer, with every codec', async () => {
    const topic = 'spoken'
    await tool('kafka-topics', '--create', '--topic', topic)
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'])
      await kafkaTool(
        ['kafka-console-producer', ...server(), '--topic', topic, '--compression-codec', codec],
        `${codec} one\n${codec} two\n`,
      )
    const read = await tool('kafka-console-consumer', '--topic', topic, '--from-beginning', '--max-messages', '10', '--timeout-ms', '20000')
    expect(read.trim().split('\n')).toEqual(['none', 'gzip', 'snappy', 'lz4', 'zstd'].flatMap((codec) => [`${codec} one`, `${codec} two`]))
  })

  test('kafka-dump-log reads our folders, after a clean stop', async () => {
    await broker.exit()
    const folder = join(broker.dir, 'verified-1')
    const [segment] = readdirSync(folder).filter((name) => name.endsWith('.log'))
    const dumped = await kafkaTool([
      'class',
      'org.apache.kafka.tools.DumpLogSegments',
      '--files',
      join(folder, segment!),
      '--deep-iteration',
      '--verify-index-only',
    ])
    expect(dumped).toContain('Log starting offset: 0')
    expect(dumped).not.toMatch(/isvalid: false|mismatch/i)
    await broker.start()
    expect((await tool('kafka-topics', '--list')).split('\n')).toContain('verified')
  })
})

test('kafka-cluster', async () => {
  expect(await kafkaTool(['kafka-cluster', 'cluster-id', '--bootstrap-server', broker.address])).toMatch(/Cluster ID: [\w-]{22}/)
})
