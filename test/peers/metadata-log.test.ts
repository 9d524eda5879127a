/**
 * Goal: the folder of a combined Apache Kafka node opens here and ours opens there, after a clean stop and after a kill of either, with
 * topics, ids, configs, dynamic broker settings, offsets of groups, SCRAM users, quotas and ACLs. Method: one folder goes back and forth;
 * Kafka's own tools ask each side and read the files; folders are formatted by either.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningBroker, startBroker } from '../../core/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { silentLogger } from '../../core/system/logger.ts'
import { type KafkaBroker, kafkaTool, startApacheKafka } from './apache-kafka.ts'

const system = () => ({ ...realSystem('silent'), logger: silentLogger })

describe('one folder for both', () => {
  const copies = mkdtempSync(join(tmpdir(), 'tributary-peers-metadata-'))
  let kafka: KafkaBroker
  beforeAll(async () => {
    kafka = await startApacheKafka({
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
      'metadata.log.max.record.bytes.between.snapshots': 6000,
    })
  }, 120_000)
  afterAll(async () => {
    await kafka?.stop()
    rmSync(copies, { recursive: true, force: true })
  })

  const tool = (name: string, ...args: string[]) => kafkaTool([name, '--bootstrap-server', kafka.address, ...args])

  function ours(): Promise<RunningBroker> {
    const properties = {
      'process.roles': 'broker,controller',
      'node.id': '1',
      'controller.quorum.voters': `1@127.0.0.1:${kafka.port + 1}`,
      listeners: `PLAINTEXT://${kafka.address},CONTROLLER://127.0.0.1:${kafka.port + 1}`,
      'controller.listener.names': 'CONTROLLER',
      'log.dirs': kafka.dir,
      'metadata.log.max.record.bytes.between.snapshots': '6000',
    }
    return startBroker(properties, system())
  }

  /** What the tools say about the cluster, from whoever serves it. */
  async function told() {
    const [topics, defaults, users, offsets] = [
      await tool('kafka-topics', '--describe', '--topic', 'orders|payments'),
      await tool('kafka-configs', '--describe', '--entity-type', 'brokers', '--entity-default'),
      await tool('kafka-configs', '--describe', '--entity-type', 'users'),
      await tool('kafka-consumer-groups', '--describe', '--group', 'readers'),
    ]
    return {
      ids: [...topics.matchAll(/Topic: (\w+)\tTopicId: (\S+)\tPartitionCount: (\d+)/g)].map(([, ...parts]) => parts.join(' ')).sort(),
      retention: /retention\.ms=(\d+)/.exec(topics)?.[1],
      leaders: [...topics.matchAll(/Leader: (\S+)/g)].map(([, leader]) => leader),
      isDefaultSet: defaults.includes('log.retention.ms=7200000'),
      scram: users.includes("SCRAM credential configs for user-principal 'alice' are SCRAM-SHA-256=iterations=4096"),
      quota: users.includes("Quota configs for user-principal 'bob' are producer_byte_rate=1024.0"),
      offset: /readers\s+orders\s+0\s+(\d+)/.exec(offsets)?.[1],
    }
  }

  const expected = { retention: '86400000', isDefaultSet: true, scram: true, quota: true, offset: '3' }

  test('goes from Kafka (killed) to us (killed) to Kafka (stopped) to us (stopped) to Kafka', async () => {
    await tool('kafka-topics', '--create', '--topic', 'orders', '--partitions', '2', '--config', 'retention.ms=86400000')
    await tool('kafka-configs', '--alter', '--entity-type', 'brokers', '--entity-default', '--add-config', 'log.retention.ms=7200000')
    await tool('kafka-configs', '--alter', '--entity-type', 'users', '--entity-name', 'alice', '--add-config', 'SCRAM-SHA-256=[iterations=4096,password=secret]') // biome-ignore format: one command line
    await tool('kafka-configs', '--alter', '--entity-type', 'users', '--entity-name', 'bob', '--add-config', 'producer_byte_rate=1024')
    await tool('kafka-acls', '--add', '--allow-principal', 'User:carol', '--operation', 'Read', '--topic', 'orders')
    await kafkaTool(['kafka-console-producer', '--bootstrap-server', kafka.address, '--topic', 'orders', '--property', 'parse.key=true', '--property', 'key.separator=:'], 'k:a\nk:b\nk:c\n') // biome-ignore format: one command line
    await tool('kafka-console-consumer', '--topic', 'orders', '--group', 'readers', '--from-beginning', '--max-messages', '3')
    const first = await told()
    // All three records have one key: their partition is the one with an offset of 3.
    const inFirst = first.offset === '3'
    const wanted = { ...expected, offset: inFirst ? '3' : '0' }
    expect(first).toMatchObject(wanted)
    await kafka.kill()

    let broker = await ours()
    const second = await told()
    expect(second).toMatchObject({ ...wanted, ids: first.ids, leaders: ['1', '1'] })
    expect(await tool('kafka-console-consumer', '--topic', 'orders', '--from-beginning', '--max-messages', '3')).toBe('a\nb\nc\n')
    await tool('kafka-topics', '--create', '--topic', 'payments', '--partitions', '3')
    await tool('kafka-configs', '--alter', '--entity-type', 'topics', '--entity-name', 'orders', '--add-config', 'max.message.bytes=5000')
    const killed = join(copies, 'killed')
    cpSync(kafka.dir, killed, { recursive: true, filter: (path) => !path.endsWith('.lock') })
    await broker.close()
    rmSync(kafka.dir, { recursive: true })
    cpSync(killed, kafka.dir, { recursive: true })

    await kafka.start()
    const third = await told()
    expect(third).toMatchObject({ ...wanted, leaders: ['1', '1', '1', '1', '1'] })
    expect(third.ids).toHaveLength(2)
    expect(await tool('kafka-acls', '--list')).toContain('principal=User:carol')
    expect(await tool('kafka-configs', '--describe', '--entity-type', 'topics', '--entity-name', 'orders')).toContain(
      'max.message.bytes=5000',
    )
    await kafka.exit()

    broker = await ours()
    expect(await told()).toEqual(third)
    await broker.close()

    await kafka.start()
    expect(await told()).toEqual(third)
    expect(await tool('kafka-acls', '--list')).toContain('principal=User:carol')
    await kafka.exit()
  }, 600_000)

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
    const shell = await kafkaTool(['kafka-metadata-shell', '--snapshot', join(folder, snapshot), 'ls', '/image/topics/byName'])
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
})
