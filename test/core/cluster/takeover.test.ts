/**
 * Goal: a start on a folder takes over exactly what it may: leader epochs rise where records may be lost and nowhere else, and the folders
 * of other nodes, quorums and clusters are refused with a sentence, unchanged. Method: real brokers on folders after a clean stop or a
 * kill, with one thing in them changed.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type RunningBroker, startBroker } from '../../../core/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { encodeMetadataRecord, type NewMetadataRecord, recordVersion } from '../../../core/wire/metadata-records.ts'
import { encodeBatch } from '../../../core/wire/record-batch.ts'
import { keepingLogger, type LogLine } from '../../broker-in-process.ts'
import { batchOf, readValues } from '../log/scratch-log.ts'

let root: string
let lines: LogLine[]
const running: RunningBroker[] = []
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tributary-takeover-'))
  lines = []
})
afterEach(async () => {
  for (const broker of running.splice(0)) await broker.close()
  rmSync(root, { recursive: true, force: true })
})

const dirOf = (name: string) => join(root, name)
const metadataFolder = (name: string) => join(root, name, '__cluster_metadata-0')

async function start(name: string, properties: Record<string, string> = {}): Promise<RunningBroker> {
  const broker = await startBroker(
    { listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': dirOf(name), ...properties },
    { ...realSystem('silent'), logger: keepingLogger(lines) },
  )
  running.push(broker)
  return broker
}

async function stop(broker: RunningBroker): Promise<void> {
  running.splice(running.indexOf(broker), 1)
  await broker.close()
}

/** The folder `to` is that of `from` after a kill -9. */
const kill = (from: string, to: string) =>
  cpSync(dirOf(from), dirOf(to), { recursive: true, filter: (path) => !/\.(lock|tmp)$/.test(path) })

async function filled(name: string, properties: Record<string, string> = {}): Promise<RunningBroker> {
  const broker = await start(name, properties)
  await broker.cluster.createTopic({ name: 'orders', partitions: 2, replicationFactor: 1 })
  await broker.logs.get('orders', 0)!.append(batchOf(['a'], { timestamp: Date.now() })).durable
  return broker
}

const epochs = ({ cluster, logs }: RunningBroker) =>
  [0, 1].map((partition) => {
    const { leaderEpoch } = cluster.partitionState(cluster.topic('orders')!, partition)
    expect(logs.get('orders', partition)!.leaderEpoch).toBe(leaderEpoch)
    return leaderEpoch
  })

describe('leader epochs', () => {
  test.each([
    ['commit', 'a kill', [0, 0]],
    ['os', 'a kill', [1, 1]],
    ['os', 'a clean stop', [0, 0]],
  ] as const)('under log.flush=%s after %s', async (flush, how, expected) => {
    const broker = await filled('live', { 'log.flush': flush })
    if (how === 'a kill') kill('live', 'next')
    await stop(broker)
    const next = await start(how === 'a kill' ? 'next' : 'live', { 'log.flush': flush })
    expect(epochs(next)).toEqual(expected)
    expect(await readValues(next.logs.get('orders', 0)!)).toEqual(['a'])
  })

  test('of a log that has newer ones than the controller: the partition gets one above both', async () => {
    await stop(await filled('live'))
    writeFileSync(join(dirOf('live'), 'orders-0', 'leader-epoch-checkpoint'), '0\n2\n0 0\n7 1\n')
    // Epochs at the end of a log without records in them are dropped.
    const first = await start('live')
    await first.logs.get('orders', 0)!.append(batchOf(['b'], { timestamp: Date.now() })).durable
    await stop(first)
    writeFileSync(join(dirOf('live'), 'orders-0', 'leader-epoch-checkpoint'), '0\n2\n0 0\n7 1\n')
    expect(epochs(await start('live'))).toEqual([8, 0])
  })
})

test('the ports that the listeners got are registered', async () => {
  const broker = await start('live')
  const { port } = broker.addresses[0]!
  await stop(broker)
  const log = readFileSync(join(metadataFolder('live'), '00000000000000000000.log'))
  const endPoint = Buffer.concat([Buffer.from('\x0aPLAINTEXT\x0a127.0.0.1'), Buffer.from([port >> 8, port & 0xff])])
  expect(log.includes(endPoint)).toBe(true)
})

test('a missing quorum state is a warning; the next epoch is above those of the log', async () => {
  await stop(await filled('live'))
  rmSync(join(metadataFolder('live'), 'quorum-state'))
  const broker = await start('live')
  expect(broker.cluster.quorum().leaderEpoch).toBe(2)
  expect(lines.filter(({ message }) => message.startsWith('the quorum state is missing'))).toHaveLength(1)
})

test('an open metadata transaction is aborted, and nothing of it has happened', async () => {
  const broker = await filled('live')
  await appendRecords(broker, [
    { type: 'BeginTransactionRecord', name: 'half' },
    { type: 'TopicRecord', name: 'half', topicId: 'rB7sM1pSTL-0QfNKPxCn2w' },
  ])
  kill('live', 'next')
  await stop(broker)
  const next = await start('next')
  expect([...next.cluster.topics()].map(({ name }) => name)).toEqual(['orders'])
  await stop(next)
  expect([...(await start('next')).cluster.topics()].map(({ name }) => name)).toEqual(['orders'])
})

function appendRecords({ logs }: RunningBroker, records: NewMetadataRecord[]): Promise<void> {
  const values = records.map((record) => encodeMetadataRecord(record, recordVersion(record.type, 30)))
  const batch = encodeBatch(values.map((value) => ({ key: null, value, timestamp: 1 })))
  return logs.get('__cluster_metadata', 0)!.append(batch, 'coordinator').durable
}

test('a partition in a directory that is none of log.dirs is offline, and back with its records once it is', async () => {
  const both = { 'log.dirs': `${dirOf('one')},${dirOf('two')}` }
  const broker = await start('one', both)
  await broker.cluster.createTopic({ name: 'orders', partitions: 4, replicationFactor: 1 })
  for (let partition = 0; partition < 4; partition++)
    await broker.logs.get('orders', partition)!.append(batchOf([`in ${partition}`], { timestamp: Date.now() })).durable
  await stop(broker)
  const there = readdirSync(dirOf('two')).filter((name) => name.startsWith('orders-'))
  expect(there).toHaveLength(2)

  const without = await start('one')
  const topic = without.cluster.topic('orders')!
  const leaders = [0, 1, 2, 3].map((partition) => without.cluster.partitionState(topic, partition).leader)
  expect(leaders.filter((leader) => leader === -1)).toHaveLength(2)
  expect(lines.filter(({ message }) => message.startsWith('partitions are offline'))).toHaveLength(1)
  await stop(without)

  const again = await start('one', both)
  for (let partition = 0; partition < 4; partition++) {
    expect(again.cluster.partitionState(topic, partition).leader).toBe(1)
    expect(await readValues(again.logs.get('orders', partition)!)).toEqual([`in ${partition}`])
  }
})

describe('refused with a sentence', () => {
  const refusal = async (properties: Record<string, string> = {}) => {
    const before = readdirSync(dirOf('live')).sort()
    const message = await start('live', properties).then(
      () => 'started',
      (error: Error) => error.message,
    )
    expect(readdirSync(dirOf('live')).sort()).toEqual(before)
    return message
  }

  test('several voters, or another one, in controller.quorum.voters', async () => {
    await stop(await filled('live'))
    expect(await refusal({ 'controller.quorum.voters': '1@a:1,2@b:2' })).toMatch(/names 2 voters, Tributary runs as the only one/)
    expect(await refusal({ 'controller.quorum.voters': '2@b:2' })).toMatch(/names node 2, this is node 1/)
    expect(await refusal({ 'controller.quorum.voters': 'b:2' })).toMatch(/"b:2" is not id@host:port/)
  })

  test('a quorum state of another leader', async () => {
    await stop(await filled('live'))
    writeFileSync(join(metadataFolder('live'), 'quorum-state'), '{"leaderId":100,"leaderEpoch":3,"votedId":-1,"data_version":1}')
    expect(await refusal()).toMatch(/quorum-state: the quorum has node 100, this is node 1\..* only a broker/)
  })

  test('another broker in the cluster', async () => {
    const broker = await filled('live')
    const endPoints = [{ name: 'PLAINTEXT', host: 'b', port: 9092, securityProtocol: 0 }]
    await appendRecords(broker, [
      {
        type: 'RegisterBrokerRecord',
        brokerId: 2,
        incarnationId: 'rB7sM1pSTL-0QfNKPxCn2w',
        brokerEpoch: 50,
        endPoints,
        features: [],
        rack: null,
      },
    ])
    await stop(broker)
    expect(await refusal()).toMatch(/the cluster has broker 2 besides this node, 1/)
  })

  test('a directory with partitions and without the metadata log, or with it in another directory', async () => {
    await stop(await filled('live'))
    renameSync(metadataFolder('live'), join(root, 'away'))
    expect(await refusal()).toMatch(/__cluster_metadata-0 is missing, and the log directories have partitions/)
    renameSync(join(root, 'away'), metadataFolder('live'))
    await stop(await start('other'))
    rmSync(metadataFolder('other'), { recursive: true })
    const identity = readFileSync(join(dirOf('live'), 'meta.properties'), 'utf8')
    writeFileSync(join(dirOf('other'), 'meta.properties'), identity)
    expect(await refusal({ 'log.dirs': `${dirOf('other')},${dirOf('live')}` })).toMatch(/have the same directory\.id/)
    writeFileSync(join(dirOf('other'), 'meta.properties'), identity.replace(/directory\.id=.*\n/, ''))
    expect(await refusal({ 'log.dirs': `${dirOf('other')},${dirOf('live')}` })).toMatch(/set metadata\.log\.dir=.*live$/)
  })

  test('a damaged snapshot', async () => {
    const small = { 'metadata.log.max.record.bytes.between.snapshots': '500' }
    await stop(await filled('live', small))
    const name = readdirSync(metadataFolder('live')).find((file) => file.endsWith('.checkpoint') && !file.startsWith('0'.repeat(20)))!
    const file = join(metadataFolder('live'), name)
    const bytes = readFileSync(file)
    bytes[bytes.length - 100]! ^= 1
    rmSync(file)
    writeFileSync(file, bytes)
    expect(await refusal()).toContain(`${file} is damaged`)
  })
})
