/**
 * Goal: the folder of a combined Apache Kafka node opens here and ours opens there, after a clean stop and after a kill of either, with
 * topics, ids, configs, dynamic broker settings, offsets of groups, SCRAM users, quotas and ACLs. Method: one folder goes back and forth;
 * Kafka's own tools ask each side and read the files; folders are formatted by either.
 */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import metadata from '../../core/apis/03-metadata.ts'
import apiVersions from '../../core/apis/18-api-versions.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import describeConfigs from '../../core/apis/32-describe-configs.ts'
import alterConfigs from '../../core/apis/44-incremental-alter-configs.ts'
import describeQuotas from '../../core/apis/48-describe-client-quotas.ts'
import describeScram from '../../core/apis/50-describe-user-scram-credentials.ts'
import updateFeatures from '../../core/apis/57-update-features.ts'
import { type Client, createClient } from '../../core/client/index.ts'
import { type RunningBroker, startBroker } from '../../core/index.ts'
import { realClock } from '../../core/system/clock.ts'
import { realSystem } from '../../core/system/index.ts'
import { silentLogger } from '../../core/system/logger.ts'
import { realRandom } from '../../core/system/random.ts'
import { readValues } from '../core/log/scratch-log.ts'
import { type RawClient, rawClient } from '../raw-client.ts'
import { until } from '../until.ts'
import { inPlaceOf, type KafkaBroker, kafkaTool, startApacheKafka } from './apache-kafka.ts'

const system = () => ({ ...realSystem('silent'), logger: silentLogger })

describe('one folder for both', () => {
  const copies = mkdtempSync(join(tmpdir(), 'tributary-peers-metadata-'))
  let kafka: KafkaBroker
  beforeAll(async () => {
    kafka = await startApacheKafka({
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
      'metadata.log.max.record.bytes.between.snapshots': 6000,
      // Else the index files of 500 partitions are 10 GB to copy.
      'log.index.size.max.bytes': 4096,
    })
  }, 120_000)
  afterAll(async () => {
    await kafka?.stop()
    rmSync(copies, { recursive: true, force: true })
  })

  const tool = (name: string, ...args: string[]) => kafkaTool([name, '--bootstrap-server', kafka.address, ...args])

  function ours(): Promise<RunningBroker> {
    const properties = { ...inPlaceOf(kafka), 'metadata.log.max.record.bytes.between.snapshots': '6000' }
    return startBroker(properties, system())
  }

  /** Asks whoever serves the cluster. */
  async function asking<T>(work: (client: RawClient) => Promise<T>): Promise<T> {
    const client = await rawClient(kafka.port)
    try {
      return await work(client)
    } finally {
      client.close()
    }
  }

  const create = (name: string, numPartitions: number, configs: { name: string; value: string }[]) =>
    asking(async (client) => {
      const { topics } = await client.send(createTopics, 7, { topics: [{ name, numPartitions, replicationFactor: 1, assignments: [], configs }], validateOnly: false }) // biome-ignore format: one request
      expect(topics.map(({ errorCode }) => errorCode)).toEqual([0])
    })

  const alter = (resourceType: number, resourceName: string, name: string, value: string) =>
    asking(async (client) => {
      const configs = [{ name, configOperation: 0, value }]
      const { responses } = await client.send(alterConfigs, 1, {
        resources: [{ resourceType, resourceName, configs }],
        validateOnly: false,
      })
      expect(responses.map(({ errorCode }) => errorCode)).toEqual([0])
    })

  const offsets = async (work: (client: Client) => Promise<unknown>) => {
    const parts = { clock: realClock, random: realRandom, logger: silentLogger }
    const client = createClient({ bootstrapServers: kafka.address, clientId: 'test' }, parts)
    try {
      return await work(client)
    } finally {
      await client.close()
    }
  }

  /** What the cluster says about itself. */
  const told = () =>
    asking(async (client) => {
      const { topics } = await client.send(metadata, 12, { topics: null })
      const described = await client.send(describeConfigs, 4, {
        resources: [
          { resourceType: 2, resourceName: 'orders', configurationKeys: ['retention.ms', 'max.message.bytes'] },
          { resourceType: 4, resourceName: '', configurationKeys: ['log.retention.ms', 'of.another.release'] },
          { resourceType: 4, resourceName: '1', configurationKeys: ['log.cleaner.threads', 'of.another.release'] },
          { resourceType: 16, resourceName: 'all', configurationKeys: null },
          { resourceType: 32, resourceName: 'readers', configurationKeys: ['consumer.session.timeout.ms'] },
        ],
        includeSynonyms: false,
      })
      const { results } = await client.send(describeScram, 0, { users: null })
      const { entries } = await client.send(describeQuotas, 1, { components: [], strict: false })
      return {
        topics: topics
          .filter(({ isInternal }) => !isInternal)
          .map(({ name, topicId, partitions }) => ({ name, topicId, leaders: partitions.map(({ leaderId }) => leaderId) }))
          .sort((a, b) => (a.name! < b.name! ? -1 : 1)),
        configs: described.results.map(({ configs }) => Object.fromEntries(configs.map(({ name, value }) => [name, value]))),
        users: results.map(({ user, credentialInfos }) => ({ user, credentialInfos })),
        quotas: entries,
        committed: await offsets((group) => group.admin.groupOffsets('readers')),
      }
    })

  /** Kafka answers before its replicas are ready. */
  const same = (cluster: Awaited<ReturnType<typeof told>>) =>
    until(
      async () => {
        expect(await told()).toEqual(cluster)
        return true
      },
      'the same cluster',
      60_000,
    )

  const produce = (value: string) =>
    offsets(async (client) => {
      const producer = client.producer({})
      await producer.send([{ topic: 'orders', partition: 0, key: null, value: Buffer.from(value) }])
      await producer.close()
    })

  test('goes from Kafka (killed) to us (killed) to Kafka (stopped) to us (stopped) to Kafka', async () => {
    await create('orders', 2, [{ name: 'retention.ms', value: '86400000' }])
    await alter(4, '', 'log.retention.ms', '7200000')
    await alter(4, '', 'of.another.release', 'kept')
    await alter(4, '1', 'log.cleaner.threads', '2')
    await alter(16, 'all', 'match', 'client_id=a.*')
    await alter(32, 'readers', 'consumer.session.timeout.ms', '50000')
    await create('wide', 500, [])
    await tool('kafka-configs', '--alter', '--entity-type', 'users', '--entity-name', 'alice', '--add-config', 'SCRAM-SHA-256=[iterations=4096,password=secret]') // biome-ignore format: one command line
    await tool('kafka-configs', '--alter', '--entity-type', 'users', '--entity-name', 'alice', '--add-config', 'producer_byte_rate=1024')
    await tool('kafka-acls', '--add', '--allow-principal', 'User:carol', '--operation', 'Read', '--topic', 'orders')
    await produce('by Kafka')
    await offsets((client) => client.admin.alterGroupOffsets('readers', [{ topic: 'orders', partition: 0, offset: 1 }]))
    const first = await told()
    expect(first).toMatchObject({
      topics: [
        { name: 'orders', leaders: [1, 1] },
        { name: 'wide', leaders: Array(500).fill(1) },
      ],
      configs: [
        { 'retention.ms': '86400000' },
        // Kafka does not show the value of a config that it does not know.
        { 'log.retention.ms': '7200000', 'of.another.release': null },
        { 'log.cleaner.threads': '2' },
        { match: 'client_id=a.*', 'interval.ms': '300000', metrics: '' },
        { 'consumer.session.timeout.ms': '50000' },
      ],
      users: [{ user: 'alice', credentialInfos: [{ mechanism: 1, iterations: 4096 }] }],
      quotas: [{ entity: [{ entityType: 'user', entityName: 'alice' }], values: [{ key: 'producer_byte_rate', value: 1024 }] }],
      committed: [{ topic: 'orders', partition: 0, offset: 1 }],
    })
    await kafka.kill()

    let broker = await ours()
    expect(await told()).toEqual(first)
    await create('payments', 3, [])
    await asking(async (client) => {
      const featureUpdates = [{ feature: 'kraft.version', maxVersionLevel: 1, upgradeType: 1 }]
      expect(await client.send(updateFeatures, 2, { featureUpdates, validateOnly: false })).toMatchObject({ errorCode: 0 })
    })
    await alter(2, 'orders', 'max.message.bytes', '5000')
    await produce('by us')
    const second = await told()
    const killed = join(copies, 'killed')
    cpSync(kafka.dir, killed, { recursive: true, filter: (path) => !path.endsWith('.lock') })
    await broker.close()
    rmSync(kafka.dir, { recursive: true })
    cpSync(killed, kafka.dir, { recursive: true })

    await kafka.start()
    await same(second)
    expect(await tool('kafka-features', 'describe')).toMatch(/kraft\.version.*FinalizedVersionLevel: 1/)
    expect(second.topics).toMatchObject([{ name: 'orders' }, { name: 'payments', leaders: [1, 1, 1] }, { name: 'wide' }])
    expect(second.configs[0]).toEqual({ 'retention.ms': '86400000', 'max.message.bytes': '5000' })
    await kafka.exit()

    broker = await ours()
    expect(await told()).toEqual(second)
    expect(await readValues(broker.logs.get('orders', 0)!)).toEqual(['by Kafka', 'by us'])
    await broker.close()

    await kafka.start()
    await same(second)
    expect(await tool('kafka-acls', '--list')).toContain('principal=User:carol')
    await kafka.exit()
  }, 900_000)

  test('Kafka reads our log and our snapshots without an error', async () => {
    const broker = await ours()
    for (let i = 0; i < 60; i++) {
      const changes = [{ name: 'retention.ms', operation: 0, value: String(86_400_000 + i) }]
      await broker.cluster.alterConfigs({ type: 'topic', name: 'orders' }, changes, false)
    }
    await broker.close()
    const folder = join(kafka.dir, '__cluster_metadata-0')
    const names = readdirSync(folder).filter((name) => /\.(log|checkpoint)$/.test(name))
    const snapshot = names
      .filter((name) => name.endsWith('.checkpoint'))
      .sort()
      .at(-1)!
    const files = names.map((name) => join(folder, name)).join(',')
    const dump = await kafkaTool(['kafka-dump-log', '--cluster-metadata-decoder', '--files', files])
    expect(dump).toContain('"type":"REGISTER_BROKER_RECORD"')
    expect(dump).toContain('SnapshotFooter')
    expect(dump).not.toMatch(/isvalid: false|[Cc]ould not (decode|deserialize)|Exception/)
    // The shell does not always wait until it has loaded the snapshot.
    const list = () => kafkaTool(['kafka-metadata-shell', '--snapshot', join(folder, snapshot), 'ls', '/image/topics/byName'])
    const shell = await until(async () => (await list()).trim(), 'topics in the shell', 60_000)
    expect(shell.split(/\s+/)).toEqual(expect.arrayContaining(['orders', 'payments']))
  }, 120_000)
})

describe('a folder that the other formats', () => {
  let room: string
  beforeAll(() => {
    room = mkdtempSync(join(tmpdir(), 'tributary-peers-format-'))
  })
  afterAll(() => rmSync(room, { recursive: true, force: true }))

  test('kafka-storage format --standalone, with a SCRAM user, then our broker', async () => {
    const { writeProperties } = await import('../properties-file.ts')
    const properties = {
      'process.roles': 'broker,controller',
      'node.id': '7',
      listeners: 'PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:19093',
      'controller.listener.names': 'CONTROLLER',
      'controller.quorum.bootstrap.servers': '127.0.0.1:19093',
      'log.dirs': join(room, 'theirs'),
    }
    const file = writeProperties(join(room, 'theirs.properties'), properties)
    await kafkaTool(['kafka-storage', 'format', '-t', 'Tq0000000000000000000g', '-c', file, '-s', '-r', '4.1', '-S', 'SCRAM-SHA-256=[name=alice,password=secret]']) // biome-ignore format: one command line
    const broker = await startBroker(properties, system())
    expect(broker.cluster.clusterId).toBe('Tq0000000000000000000g')
    expect(broker.cluster.finalizedFeature('metadata.version')).toBe(27)
    expect(broker.cluster.finalizedFeature('kraft.version')).toBe(1)
    await broker.close()
    const folder = join(room, 'theirs', '__cluster_metadata-0')
    const dump = await kafkaTool(['kafka-dump-log', '--cluster-metadata-decoder', '--files', join(folder, '00000000000000000000.log')])
    expect(dump).toContain('USER_SCRAM_CREDENTIAL_RECORD')
    expect(JSON.parse(readFileSync(join(folder, 'quorum-state'), 'utf8'))).toMatchObject({ leaderId: 7, data_version: 1 })
  }, 120_000)

  test('tributary storage format, with a SCRAM user, then Kafka', async () => {
    const kafka = await startApacheKafka({}, '', async (folder, port) => {
      const { writeProperties } = await import('../properties-file.ts')
      const file = writeProperties(join(folder, 'ours.properties'), {
        'process.roles': 'broker,controller',
        'node.id': 1,
        listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1}`,
        'controller.listener.names': 'CONTROLLER',
        'controller.quorum.voters': `1@127.0.0.1:${port + 1}`,
        'log.dirs': join(folder, 'data'),
      })
      const user = 'SCRAM-SHA-512=[name=alice,password=secret]'
      const program = resolve(import.meta.dirname, '../../bin/tributary')
      await promisify(execFile)(program, ['storage', 'format', '-t', 'Tq0000000000000000000g', '-c', file, '-S', user])
    })
    try {
      const client = await rawClient(kafka.port)
      const { results } = await client.send(describeScram, 0, { users: null })
      expect(results).toMatchObject([{ user: 'alice', credentialInfos: [{ mechanism: 2, iterations: 4096 }] }])
      const answer = await client.send(apiVersions, 4, { clientSoftwareName: 'test', clientSoftwareVersion: '1.0' })
      expect(answer.finalizedFeatures.map(({ name, maxVersionLevel }) => `${name}=${maxVersionLevel}`).sort()).toEqual([
        'metadata.version=30',
        'transaction.version=2',
      ])
      client.close()
    } finally {
      await kafka.stop()
    }
  }, 120_000)
})
