/**
 * Goal: between Apache Kafka clusters the mirror does what MirrorMaker 2 does, and Kafka's tools and MirrorMaker 2 can use what it leaves.
 * Method: two Apache Kafka brokers; topics with every codec, with committed and aborted transactions, with gaps of compaction, with
 * LogAppendTime; Kafka's formatters read checkpoints, offset syncs and heartbeats; the mirror continues a killed MirrorMaker 2 and is
 * continued by one; and the same flow with our broker at either end.
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  type Cluster,
  caughtUp,
  connectTo,
  content,
  createTopic,
  mirrorOf,
  ourCluster,
  properties,
  readAll,
  write,
} from '../mirror/clusters.ts'
import { writeProperties } from '../properties-file.ts'
import { until } from '../until.ts'
import { type KafkaBroker, kafkaScript, kafkaTool, startApacheKafka } from './apache-kafka.ts'
import { launch } from './launch.ts'
import { temporaryFolder } from './workers.ts'

const folder = temporaryFolder()
let source: KafkaBroker
let target: KafkaBroker

beforeAll(async () => {
  // One after the other: each uses the port after its own too.
  source = await startApacheKafka({ 'log.cleaner.backoff.ms': 500 })
  target = await startApacheKafka()
  return async () => {
    await Promise.all([source.stop(), target.stop()])
  }
}, 120_000)

const both = (): [Cluster, Cluster] => [connectTo(source.address), connectTo(target.address)]
const quick = { 'refresh.topics.interval.seconds': '1', 'emit.checkpoints.interval.seconds': '1', 'replication.factor': '1' }
const only = (topic: string, more: Record<string, string> = {}) => ({ 'us->central.topics': topic, ...quick, ...more })

/** An internal topic as Kafka's formatter prints it. */
async function formatted(address: string, topic: string, formatter: string, ...more: string[]): Promise<string> {
  return kafkaTool([
    'kafka-console-consumer', '--bootstrap-server', address, '--topic', topic, '--from-beginning', '--timeout-ms', '4000',
    '--formatter', `org.apache.kafka.connect.mirror.formatters.${formatter}`, ...more,
  ]).catch((error: { stdout?: string }) => error.stdout ?? '') // biome-ignore format: one command line
}

describe('between two Apache Kafka brokers', () => {
  test('every codec arrives as the same bytes', async () => {
    const [us, central] = both()
    await createTopic(us, 'codecs', 2)
    for (const [i, codec] of (['none', 'lz4', 'zstd'] as const).entries())
      await write(us, 'codecs', 400, { from: i * 400, partitions: 2, codec })
    for (const codec of ['gzip', 'snappy', 'lz4', 'zstd', 'none'])
      await kafkaTool(['kafka-producer-perf-test', '--topic', 'codecs', '--num-records', '500', '--record-size', '200', '--throughput', '-1',
        '--producer-props', `bootstrap.servers=${us.address}`, `compression.type=${codec}`, 'batch.size=4000']) // biome-ignore format: one command line
    const mirror = await mirrorOf(properties(us, central, only('codecs')))
    await caughtUp(mirror, 'us->central', 3700)
    for (const partition of [0, 1]) {
      const [sent, arrived] = [await readAll(us, 'codecs', partition), await readAll(central, 'us.codecs', partition)]
      expect(arrived.payloads).toEqual(sent.payloads)
      expect(content(arrived.records)).toEqual(content(sent.records))
    }
    const bytes = ({ dir }: KafkaBroker, topic: string) =>
      readdirSync(dir)
        .filter((name) => name.startsWith(`${topic}-`))
        .flatMap((name) =>
          readdirSync(join(dir, name))
            .filter((file) => file.endsWith('.log'))
            .map((file) => statSync(join(dir, name, file)).size),
        )
        .reduce((a, b) => a + b)
    expect(bytes(target, 'us.codecs')).toBe(bytes(source, 'codecs'))
    await mirror.close()
  })

  test('transactions: as MirrorMaker 2 reads them, and committed data only; offsets stay exact around the markers', async () => {
    const [us, central] = both()
    await createTopic(us, 'tx')
    const client = new Kafka({ clientId: 'tx', brokers: [us.address], logLevel: logLevel.NOTHING })
    const producer = client.producer({ transactionalId: 'tx', idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    for (let round = 0; round < 6; round++) {
      const transaction = await producer.transaction()
      await transaction.send({ topic: 'tx', messages: Array.from({ length: 5 }, (_, i) => ({ value: `${round}/${i}` })) })
      if (round % 2 === 0) await transaction.commit()
      else await transaction.abort()
    }
    await producer.disconnect()
    const all = content((await readAll(us, 'tx')).records)
    expect(all).toHaveLength(30)

    const plain = await mirrorOf(properties(us, central, only('tx')))
    await caughtUp(plain, 'us->central', 30)
    expect(content((await readAll(central, 'us.tx')).records)).toEqual(all)
    await us.client.admin.alterGroupOffsets('tx-group', [{ topic: 'tx', partition: 0, offset: 20 }])
    const report = await plain.failover('us->central', { groups: ['tx-group'], dryRun: true })
    // Three whole transactions of six offsets, and two records of the fourth.
    expect(report.groups[0]!.partitions[0]).toMatchObject({ sourceOffset: 20, targetOffset: 17, rereads: 0 })
    await plain.close()

    const committed = await mirrorOf(
      properties(
        us,
        central,
        only('tx', { 'us->central.consumer.isolation.level': 'read_committed', 'replication.policy.separator': '--' }),
      ),
    )
    await caughtUp(committed, 'us->central', 15)
    expect(content((await readAll(central, 'us--tx')).records)).toEqual(all.filter((record) => Number(record.value![0]) % 2 === 0))
    await committed.close()
  })

  test('offset gaps of compaction are closed, and LogAppendTime arrives as the timestamp of each record', async () => {
    const [us, central] = both()
    await createTopic(us, 'compacted', 1, {
      'cleanup.policy': 'compact',
      'segment.bytes': '1048576',
      'segment.ms': '200',
      'min.cleanable.dirty.ratio': '0.01',
      'delete.retention.ms': '100',
    })
    await createTopic(us, 'stamped', 1, { 'message.timestamp.type': 'LogAppendTime' })
    const producer = us.client.producer({ batchSize: 600, lingerMs: 0, compressionType: 'lz4' })
    const fill = (count: number) =>
      producer.send(
        Array.from({ length: count }, (_, i) => ({
          topic: 'compacted',
          partition: 0,
          key: Buffer.from(`k${i % 37}`),
          value: Buffer.from(`v${i}`),
        })),
      )
    await fill(500)
    await until(
      async () => {
        await fill(1)
        const { records } = await readAll(us, 'compacted')
        return records.length < 300
      },
      'Kafka compacts',
      60_000,
    )
    await producer.send(
      Array.from({ length: 50 }, (_, i) => ({
        topic: 'stamped',
        partition: 0,
        key: null,
        value: Buffer.from(`s${i}`),
        timestamp: 1_000 + i,
      })),
    )
    await producer.close()
    let records = (await readAll(us, 'compacted')).records
    let changed = performance.now()
    await until(async () => {
      const before = records.length
      records = (await readAll(us, 'compacted')).records
      if (records.length !== before) changed = performance.now()
      return performance.now() > changed + 2_000
    }, 'the last compaction has ended')
    const mirror = await mirrorOf(properties(us, central, only('compacted,stamped')))
    await until(
      () => mirror.status('us->central').partitions.filter((each) => each.lagRecords === 0 && each.topic !== 'heartbeats').length === 2,
      'everything is mirrored',
    )
    const arrived = await readAll(central, 'us.compacted')
    expect(content(arrived.records)).toEqual(content(records))
    expect(arrived.records.map((record) => record.offset)).toEqual(arrived.records.map((_, i) => i))
    // The offset of every record translates to its offset on the target.
    await us.client.admin.alterGroupOffsets('compacted-group', [{ topic: 'compacted', partition: 0, offset: records.at(-5)!.offset }])
    const report = await mirror.failover('us->central', { groups: ['compacted-group'], dryRun: true })
    expect(report.groups[0]!.partitions[0]!.targetOffset).toBe(arrived.records.at(-5)!.offset)
    expect(content((await readAll(central, 'us.stamped')).records)).toEqual(content((await readAll(us, 'stamped')).records))
    await mirror.close()
  })

  test("Kafka's own formatters read checkpoints, offset syncs and heartbeats", async () => {
    const [us, central] = both()
    await createTopic(us, 'formats')
    await write(us, 'formats', 30)
    await us.client.admin.alterGroupOffsets('formats-group', [{ topic: 'formats', partition: 0, offset: 21, metadata: 'note' }])
    const mirror = await mirrorOf(properties(us, central, only('formats', { 'us->central.groups': 'formats-group' })))
    await caughtUp(mirror, 'us->central', 30)
    await until(
      async () => (await central.client.topic('us.checkpoints.internal', { refresh: true })) !== undefined,
      'checkpoints are written',
    )
    expect(await formatted(target.address, 'us.checkpoints.internal', 'CheckpointFormatter')).toContain(
      'Checkpoint{consumerGroupId=formats-group, topicPartition=us.formats-0, upstreamOffset=21, downstreamOffset=21, metadata=note}',
    )
    expect(await formatted(target.address, 'heartbeats', 'HeartbeatFormatter', '--max-messages', '1')).toMatch(
      /Heartbeat\{sourceClusterAlias=us, targetClusterAlias=central, timestamp=\d+\}/,
    )
    await mirror.close()
    expect(await formatted(source.address, 'mm2-offset-syncs.central.internal', 'OffsetSyncFormatter')).toContain(
      'OffsetSync{topicPartition=formats-0, upstreamOffset=29, downstreamOffset=29}',
    )
  })

  test('continues where a killed MirrorMaker 2 stopped, and MirrorMaker 2 continues where it stopped', async () => {
    const [us, central] = both()
    await createTopic(us, 'shared', 2)
    await write(us, 'shared', 1_000, { partitions: 2 })
    const given = properties(us, central, {
      ...only('shared'),
      'emit.heartbeats.enabled': 'false',
      ...Object.fromEntries(
        ['checkpoints.topic', 'heartbeats.topic', 'offset-syncs.topic', 'offset.storage', 'status.storage', 'config.storage'].map(
          (name) => [`${name}.replication.factor`, '1'],
        ),
      ),
    })
    const file = writeProperties(join(folder, 'mm2.properties'), given)
    /** Resolves when MirrorMaker 2 has mirrored `records` records. */
    const start = async (records: number) => {
      const mirrorMaker = await launch('MirrorMaker 2', kafkaScript(), ['connect-mirror-maker', file], {
        env: { KAFKA_HEAP_OPTS: '-Xmx512m', KAFKA_LOG_LEVEL: 'ERROR' },
        ready: async () => (await mirrored()) >= records,
      })
      onTestFinished(() => mirrorMaker.end('SIGKILL'))
      return mirrorMaker
    }
    const mirrored = async () => {
      const counts = await Promise.all([0, 1].map(async (partition) => (await readAll(central, 'us.shared', partition)).records.length))
      return counts[0]! + counts[1]!
    }
    const same = async () => {
      for (const partition of [0, 1])
        expect(content((await readAll(central, 'us.shared', partition)).records)).toEqual(
          content((await readAll(us, 'shared', partition)).records),
        )
    }
    const killed = await start(1_000)
    expect(await mirrored()).toBe(1_000)
    await write(us, 'shared', 300, { from: 1_000, partitions: 2 })
    await until(async () => (await mirrored()) >= 1_300, 'MirrorMaker 2 mirrors them', 30_000)
    await killed.end('SIGKILL')

    const ours = await mirrorOf(given)
    await write(us, 'shared', 400, { from: 1_300, partitions: 2 })
    await caughtUp(ours, 'us->central', 1_700)
    await same()
    await ours.close()

    await write(us, 'shared', 200, { from: 1_700, partitions: 2 })
    const back = await start(1_900)
    await same()
    await back.end('SIGTERM')
  }, 240_000)
})

describe('with our broker at one end', () => {
  test('from Apache Kafka into ours and from ours into Apache Kafka', async () => {
    const [theirs, sink] = both()
    const ours = await ourCluster()
    await createTopic(theirs, 'mixed', 2)
    await createTopic(ours, 'mixed', 2)
    await write(theirs, 'mixed', 500, { partitions: 2, codec: 'lz4' })
    await write(ours, 'mixed', 600, { from: 5_000, partitions: 2, codec: 'zstd' })
    const into = await mirrorOf(properties(theirs, ours, only('mixed')))
    const outOf = await mirrorOf(properties(ours, sink, only('mixed')))
    await caughtUp(into, 'us->central', 500)
    await caughtUp(outOf, 'us->central', 600)
    for (const partition of [0, 1]) {
      expect((await readAll(ours, 'us.mixed', partition)).payloads).toEqual((await readAll(theirs, 'mixed', partition)).payloads)
      expect((await readAll(sink, 'us.mixed', partition)).payloads).toEqual((await readAll(ours, 'mixed', partition)).payloads)
    }
  })
})
