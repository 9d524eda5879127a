/**
 * Goal: metadata changes survive a clean shutdown and a crash; topics, partitions and configs follow Kafka's rules. Method: a real broker
 * on a temporary folder; a crash is a copy of the folder of a running broker.
 */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { KafkaError } from '../../../core/errors.ts'
import { type RunningBroker, startBroker } from '../../../core/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { silentLogger } from '../../../core/system/logger.ts'
import { encodeMetadataRecord } from '../../../core/wire/metadata-records.ts'
import { encodeBatch } from '../../../core/wire/record-batch.ts'
import { type BrokerInProcess, brokerInProcess } from '../../broker-in-process.ts'
import { until } from '../../until.ts'
import { readRecords } from '../log/scratch-log.ts'

let server: BrokerInProcess
beforeEach(async () => {
  server = await brokerInProcess({ 'log.retention.hours': '2' })
})
afterEach(() => server.stop())

const cluster = () => server.broker.cluster
const create = (name: string, over: object = {}) => cluster().createTopic({ name, partitions: 1, replicationFactor: 1, ...over })
const configOf = (topic: string, name: string) => cluster().describeConfigs({ type: 'topic', name: topic }, [name])[0]!
const set = (name: string, value: string | null, operation = 0) => [{ name, operation, value }]

async function refusal(change: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof change === 'function' ? change() : change)
  } catch (error) {
    if (error instanceof KafkaError) return `${error.error}: ${error.message}`
    throw error
  }
  return 'done'
}

/** The state of a broker that starts from a copy of the folder, as after a power loss. */
async function afterCrash<T>(read: (found: RunningBroker) => T | Promise<T>): Promise<T> {
  const copy = mkdtempSync(join(tmpdir(), 'tributary-crash-'))
  cpSync(server.dir, copy, { recursive: true, filter: (path) => !path.endsWith('.lock') })
  const found = await startBroker(
    { listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': copy },
    { ...realSystem('silent'), logger: silentLogger },
  )
  try {
    return await read(found)
  } finally {
    await found.close()
    rmSync(copy, { recursive: true, force: true })
  }
}

describe('topics', () => {
  test('a created one exists after a restart and after a crash, with its id, partitions and configs', async () => {
    const made = await create('orders', { partitions: 3, configs: { 'retention.ms': '1000' } })
    await cluster().createPartitions('orders', 5, false)
    await cluster().alterConfigs({ type: 'topic', name: 'orders' }, set('cleanup.policy', 'compact', 2), false)
    const expected = { ...made, partitions: 5, configs: { 'retention.ms': '1000', 'cleanup.policy': 'delete,compact' } }
    expect(await afterCrash((found) => found.cluster.topic('orders'))).toEqual(expected)
    await server.restart()
    expect(cluster().topic('orders')).toEqual(expected)
    expect(cluster().topicById(made.id)).toEqual(expected)
    for (let partition = 0; partition < 5; partition++) expect(server.broker.logs.get('orders', partition)?.topicId).toBe(made.id)
  })

  test('a deleted one does not exist, its folder neither, and its name can be used again with another id', async () => {
    const first = await create('short')
    await cluster().deleteTopic('short')
    expect(cluster().topic('short')).toBeUndefined()
    expect(server.broker.logs.get('short', 0)).toBeUndefined()
    expect(existsSync(join(server.dir, 'short-0'))).toBe(false)
    expect(await afterCrash((found) => found.cluster.topic('short'))).toBeUndefined()
    const second = await create('short')
    expect(second.id).not.toBe(first.id)
    await server.restart()
    expect(cluster().topic('short')?.id).toBe(second.id)
    expect(cluster().topicById(first.id)).toBeUndefined()
  })

  test('of two concurrent creations one fails; calls of ensureTopic share one creation', async () => {
    const results = await Promise.all([refusal(create('same')), refusal(create('same'))])
    expect(results.sort()).toEqual(["TOPIC_ALREADY_EXISTS: Topic 'same' already exists.", 'done'])
    const needed = await Promise.all(Array.from({ length: 10 }, () => cluster().ensureTopic('needed')))
    expect(new Set(needed.map(({ id }) => id)).size).toBe(1)
  })

  test('"." and "_" collide', async () => {
    await create('a.b')
    expect(await refusal(create('a_b'))).toBe("INVALID_TOPIC_EXCEPTION: Topic 'a_b' collides with existing topic: a.b")
    await cluster().deleteTopic('a.b')
    expect(await refusal(create('a_b'))).toBe('done')
  })

  test.each([
    ['', 'the empty string is not allowed'],
    ['.', "'.' is not allowed"],
    ['..', "'..' is not allowed"],
    ['a/b', "'a/b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"],
    ['ä', "'ä' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"],
    ['x'.repeat(250), `the length of '${'x'.repeat(250)}' is longer than the max allowed length 249`],
  ])('the name "%s"', async (name, why) => {
    expect(await refusal(create(name))).toBe(`INVALID_TOPIC_EXCEPTION: Topic name is invalid: ${why}`)
  })

  test.each([
    [{ partitions: 0 }, 'INVALID_PARTITIONS: Number of partitions was set to an invalid non-positive value.'],
    [{ partitions: 1_000_000 }, 'POLICY_VIOLATION: Excessively large number of partitions per request.'],
    [{ replicationFactor: 0 }, 'INVALID_REPLICATION_FACTOR: Replication factor must be larger than 0, or -1 to use the default value.'],
    [
      { replicationFactor: 99 },
      /^INVALID_REPLICATION_FACTOR: Unable to replicate the partition 99 time\(s\): .* only 1 broker\(s\) are registered/,
    ],
    [{ assignments: [{ partitionIndex: 0, brokerIds: [1] }] }, /^INVALID_REQUEST: A manual partition assignment was specified/],
    [
      { partitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [2] }] },
      /^INVALID_REPLICA_ASSIGNMENT: .* broker 2, but no such/,
    ],
    [{ partitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 1, brokerIds: [1] }] }, /consecutive 0-based/],
    [{ configs: { nope: '1' } }, 'INVALID_CONFIG: Unknown topic config name: nope'],
    [{ configs: { 'retention.ms': null } }, 'INVALID_CONFIG: Null value not supported for topic configs: retention.ms'],
    [
      { configs: { 'segment.bytes': '1' } },
      'INVALID_CONFIG: Invalid value 1 for configuration segment.bytes: Value must be at least 1048576',
    ],
    [{ configs: { 'remote.storage.enable': 'true' } }, /^INVALID_CONFIG: Tiered Storage/],
    [{ configs: { 'min.compaction.lag.ms': '9', 'max.compaction.lag.ms': '5' } }, /^INVALID_CONFIG: conflict topic config/],
    [{ partitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [1] }] }, 'done'],
  ])('%j', async (over, expected) => {
    const got = await refusal(create('fresh', over))
    if (typeof expected === 'string') expect(got).toBe(expected)
    else expect(got).toMatch(expected)
    if (got !== 'done') expect(cluster().topic('fresh')).toBeUndefined()
  })

  test('validateOnly changes nothing', async () => {
    await cluster().createTopic({ name: 'dry', partitions: 2, replicationFactor: 1 }, { validateOnly: true })
    expect(cluster().topic('dry')).toBeUndefined()
    await create('wet')
    await cluster().createPartitions('wet', 4, true)
    await cluster().alterConfigs({ type: 'topic', name: 'wet' }, set('retention.ms', '5'), true)
    expect(cluster().topic('wet')).toMatchObject({ partitions: 1, configs: {} })
  })

  test('partitions only grow', async () => {
    await create('grow', { partitions: 2 })
    expect(await refusal(cluster().createPartitions('grow', 2, false))).toBe('INVALID_PARTITIONS: Topic already has 2 partition(s).')
    expect(await refusal(cluster().createPartitions('grow', 1, false))).toMatch('1 would not be an increase.')
    expect(await refusal(cluster().createPartitions('grow', 4, false, [[1]]))).toMatch(
      '2 additional partition(s), but only 1 assignment(s)',
    )
    expect(await refusal(cluster().createPartitions('gone', 4, false))).toMatch('UNKNOWN_TOPIC_OR_PARTITION')
  })
})

describe('configs', () => {
  test('an override precedes the file, the file precedes the default, hours become milliseconds', async () => {
    await create('kept', { configs: { 'segment.bytes': '2000000' } })
    expect(configOf('kept', 'retention.ms')).toMatchObject({ value: '7200000', source: 4, isDefault: false })
    expect(configOf('kept', 'segment.bytes')).toMatchObject({
      value: '2000000',
      source: 1,
      synonyms: [
        { name: 'segment.bytes', value: '2000000', source: 1 },
        { name: 'log.segment.bytes', value: '1073741824', source: 5 },
      ],
    })
    expect(configOf('kept', 'max.message.bytes')).toMatchObject({ value: '1048588', source: 5, isDefault: true })
    expect(cluster().logConfig(cluster().topic('kept')!)).toMatchObject({ retentionMs: 7_200_000, segmentBytes: 2_000_000 })
  })

  test('a change applies to the logs at once, also one of the broker’s defaults', async () => {
    await create('live')
    const log = server.broker.logs.get('live', 0)!
    await cluster().alterConfigs({ type: 'topic', name: 'live' }, set('max.message.bytes', '5000'), false)
    expect(log.config.maxMessageBytes).toBe(5000)
    await cluster().alterConfigs({ type: 'broker', name: '' }, set('log.retention.ms', '9000'), false)
    expect(log.config.retentionMs).toBe(9000)
    await cluster().alterConfigs({ type: 'broker', name: '1' }, set('log.retention.ms', '8000'), false)
    expect(log.config.retentionMs).toBe(8000)
    expect(configOf('live', 'retention.ms')).toMatchObject({ value: '8000', source: 2 })
    await server.restart()
    expect(server.broker.logs.get('live', 0)!.config).toMatchObject({ retentionMs: 8000, maxMessageBytes: 5000 })
    await cluster().alterConfigs({ type: 'broker', name: '1' }, set('log.retention.ms', null, 1), false)
    expect(server.broker.logs.get('live', 0)!.config.retentionMs).toBe(9000)
  })

  test('append and subtract on lists only', async () => {
    await create('lists')
    const topic = { type: 'topic', name: 'lists' } as const
    await cluster().alterConfigs(topic, set('cleanup.policy', 'compact', 2), false)
    expect(configOf('lists', 'cleanup.policy').value).toBe('delete,compact')
    await cluster().alterConfigs(topic, set('cleanup.policy', 'delete', 3), false)
    expect(configOf('lists', 'cleanup.policy').value).toBe('compact')
    expect(await refusal(cluster().alterConfigs(topic, set('retention.ms', '1', 2), false))).toBe(
      "INVALID_CONFIG: Can't APPEND to key retention.ms because its type is not LIST.",
    )
    expect(await refusal(cluster().alterConfigs(topic, set('retention.ms', null), false))).toBe(
      'INVALID_REQUEST: Null value not supported for : retention.ms',
    )
    expect(await refusal(cluster().alterConfigs(topic, [...set('retention.ms', '1'), ...set('retention.ms', '2')], false))).toBe(
      'INVALID_REQUEST: Error due to duplicate config keys',
    )
  })

  test('a change of a broker setting applies at once, and after a restart', async () => {
    const first = await server.client()
    const broker = { type: 'broker', name: '' } as const
    await cluster().alterConfigs(broker, set('max.connections.per.ip', '1'), false)
    await cluster().alterConfigs(broker, set('producer.id.expiration.ms', '1000'), false)
    await (await server.client()).whenClosed()
    expect(server.broker.logs.producerIdExpirationMs).toBe(1000)
    first.close()
    await server.restart()
    await server.client()
    await (await server.client()).whenClosed()
    expect(server.broker.logs.producerIdExpirationMs).toBe(1000)
  })

  test('broker configs: read-only ones, their sources, and no secrets', async () => {
    const broker = { type: 'broker', name: '1' } as const
    expect(await refusal(cluster().alterConfigs(broker, set('num.partitions', '4'), false))).toBe(
      'INVALID_REQUEST: Cannot update these configs dynamically: [num.partitions]',
    )
    expect(await refusal(cluster().alterConfigs({ type: 'broker', name: '2' }, set('log.retention.ms', '4'), false))).toBe(
      'INVALID_REQUEST: Unexpected broker id, expected 1, but received 2',
    )
    expect(await refusal(() => cluster().describeConfigs({ type: 'broker', name: 'x' }, null))).toBe(
      'INVALID_REQUEST: Broker id must be an integer, but it is: x',
    )
    const secret = await brokerInProcess({
      'ssl.keystore.password': 'hunter2',
      'listener.name.x.sasl.jaas.config': 'hunter2',
      'config.providers': 'env',
      'config.providers.env.class': 'hunter2',
    })
    try {
      const told = secret.broker.cluster.describeConfigs(broker, null)
      expect(told.find(({ name }) => name === 'ssl.keystore.password')).toMatchObject({ value: null, isSensitive: true })
      // As Kafka: what a provider is given is not shown.
      expect(told.find(({ name }) => name === 'config.providers')).toMatchObject({ value: 'env', isSensitive: false })
      expect(told.find(({ name }) => name === 'config.providers.env.class')).toMatchObject({ value: null, isSensitive: true })
      expect(JSON.stringify([told, secret.lines])).not.toContain('hunter2')
    } finally {
      await secret.stop()
    }
  })
})

test('no producer id is allocated twice, not even after a crash', async () => {
  const given = new Set<number>()
  for (let i = 0; i < 1500; i++) given.add(await cluster().nextProducerId())
  const next = await afterCrash((found) => found.cluster.nextProducerId())
  expect(given.has(next)).toBe(false)
  await server.restart()
  for (let i = 0; i < 1500; i++) given.add(await cluster().nextProducerId())
  expect(given.size).toBe(3000)
})

describe('the metadata log', () => {
  test('a change of several topics is one batch: one that is invalid fails alone', async () => {
    const log = server.broker.logs.get('__cluster_metadata', 0)!
    const before = log.logEndOffset
    const topic = (name: string) => ({ name, partitions: 2, replicationFactor: 1 })
    const outcomes = await cluster().createTopics([topic('one'), topic('one.two'), topic('one two'), topic('a/b')])
    expect(outcomes.map((outcome) => (outcome instanceof KafkaError ? outcome.error : outcome.name))).toEqual([
      'one',
      'one.two',
      'INVALID_TOPIC_EXCEPTION',
      'INVALID_TOPIC_EXCEPTION',
    ])
    expect((await readRecords(log, before, 65_536, 'end')).length).toBe(6)
    const deleted = await cluster().deleteTopics(['one', 'none', 'one.two'])
    expect(deleted.map((outcome) => outcome?.error ?? null)).toEqual([null, 'UNKNOWN_TOPIC_OR_PARTITION', null])
    expect([...cluster().topics()]).toEqual([])
  })

  test('many changes become a snapshot, the log before it is deleted, and the next start loads the snapshot', async () => {
    const small = await brokerInProcess({
      'metadata.log.max.record.bytes.between.snapshots': '20000',
      'metadata.max.retention.bytes': '1000',
      'log.segment.delete.delay.ms': '0',
    })
    try {
      const { cluster } = small.broker
      await cluster.createTopic({ name: 'busy', partitions: 1, replicationFactor: 1 })
      for (let i = 0; i < 500; i++) await cluster.alterConfigs({ type: 'topic', name: 'busy' }, set('retention.ms', String(i)), false)
      const snapshots = () => readdirSync(join(small.dir, '__cluster_metadata-0')).filter((name) => /^0*[1-9].*\.checkpoint$/.test(name))
      await until(() => snapshots().length === 1, 'one snapshot')
      expect(small.broker.logs.get('__cluster_metadata', 0)!.logStartOffset).toBeGreaterThan(100)
      await small.restart()
      expect(small.broker.cluster.topic('busy')?.configs).toEqual({ 'retention.ms': '499' })
    } finally {
      await small.stop()
    }
  })

  test('each start has a new raft epoch and a new broker epoch, and writes nothing for a partition that was closed cleanly', async () => {
    await create('calm', { partitions: 3 })
    const topic = cluster().topic('calm')!
    const before = { state: cluster().partitionState(topic, 2), epoch: cluster().brokerEpoch }
    await server.restart()
    expect(cluster().partitionState(topic, 2)).toEqual(before.state)
    expect(cluster().brokerEpoch).toBeGreaterThan(before.epoch)
    expect(JSON.parse(readFileSync(join(server.dir, '__cluster_metadata-0', 'quorum-state'), 'utf8'))).toMatchObject({ leaderEpoch: 2 })
  })

  test('a cluster that finalized a newer metadata.version is refused with both levels', async () => {
    const log = server.broker.logs.get('__cluster_metadata', 0)!
    const value = encodeMetadataRecord({ type: 'FeatureLevelRecord', name: 'metadata.version', featureLevel: 31 }, 0)
    await log.append(encodeBatch([{ key: null, value, timestamp: 1 }]), 'coordinator').durable
    await expect(afterCrash(() => null)).rejects.toThrow(
      /finalized metadata\.version 31, .* supports 7 \(3\.3-IV3\) to 30 \(4\.3-IV0\): downgrade it/,
    )
  })
})
