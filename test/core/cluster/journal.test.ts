/**
 * Goal: a folder of Tributary 0.1 opens with everything that its journal says, in Kafka's format from then on; a crash during the
 * conversion leaves one format or the other. Method: a folder as 0.1 wrote it; a crash is a folder with the files that it would leave.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { METADATA_TOPIC } from '../../../core/cluster/metadata-log.ts'
import { type RunningBroker, startBroker } from '../../../core/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { encodeBatch } from '../../../core/wire/record-batch.ts'
import { keepingLogger, type LogLine } from '../../broker-in-process.ts'
import { batchOf, config, readValues, scratch, TOPIC_ID } from '../log/scratch-log.ts'

const ORDERS = 'rB7sM1pSTL-0QfNKPxCn2w'
const GONE = 'sB7sM1pSTL-0QfNKPxCn2w'
let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tributary-0.1-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const events = [
  { type: 'topic', name: 'gone', id: GONE, partitions: 1, configs: {} },
  { type: 'topic', name: 'orders', id: ORDERS, partitions: 1, configs: { 'retention.ms': '1000' } },
  { type: 'producerIds', end: 3000 },
  { type: 'partitions', id: ORDERS, partitions: 2 },
  { type: 'topicConfigs', id: ORDERS, configs: { 'retention.ms': '99000000', 'cleanup.policy': 'compact' } },
  { type: 'topicDeleted', id: GONE },
  { type: 'brokerConfigs', broker: '', configs: { 'log.retention.ms': '8000' } },
  { type: 'brokerConfigs', broker: '1', configs: { 'max.connections.per.ip': '7' } },
]

/** A folder with a topic of two partitions, one record, and leader epoch 4 in partition 0. */
async function oldFolder(): Promise<string> {
  const room = scratch()
  const logs = await room.open()
  const journal = await logs.open(METADATA_TOPIC, TOPIC_ID, 0, config)
  for (const event of events) {
    const value = Buffer.from(JSON.stringify({ v: 1, event }))
    await journal.append(encodeBatch([{ key: null, value, timestamp: 1 }]), 'coordinator').durable
  }
  const log = await logs.open('orders', ORDERS, 0, config)
  log.lead(4)
  await log.append(batchOf(['kept'], { timestamp: Date.now(), key: 'k' })).durable
  await logs.open('orders', ORDERS, 1, config)
  await logs.close()
  const dir = join(root, 'old')
  cpSync(room.dir, dir, { recursive: true })
  await room.remove()
  return dir
}

async function opened(dir: string, check: (broker: RunningBroker, lines: LogLine[]) => void | Promise<void>): Promise<void> {
  const lines: LogLine[] = []
  const system = { ...realSystem('silent'), logger: keepingLogger(lines) }
  const broker = await startBroker({ listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': dir }, system)
  try {
    await check(broker, lines)
  } finally {
    await broker.close()
  }
}

async function checkAll({ cluster, logs }: RunningBroker): Promise<void> {
  expect([...cluster.topics()]).toEqual([
    { name: 'orders', id: ORDERS, partitions: 2, internal: false, configs: { 'retention.ms': '99000000', 'cleanup.policy': 'compact' } },
  ])
  const [topic] = cluster.topics()
  expect(cluster.partitionState(topic!, 0)).toMatchObject({ leader: 1, leaderEpoch: 4, isr: [1], replicas: [1] })
  expect(cluster.partitionState(topic!, 1)).toMatchObject({ leader: 1, leaderEpoch: 0 })
  expect(logs.get('orders', 0)!.leaderEpoch).toBe(4)
  expect(await readValues(logs.get('orders', 0)!)).toEqual(['kept'])
  expect(cluster.describeConfigs({ type: 'broker', name: '' }, null).map(({ name, value }) => [name, value])).toEqual([
    ['log.retention.ms', '8000'],
  ])
  expect(cluster.brokerValue('max.connections.per.ip')).toBe(7)
  expect(await cluster.nextProducerId()).toBeGreaterThanOrEqual(3000)
  expect(cluster.finalizedFeature('metadata.version')).toBe(30)
}

test('is converted once: topics, ids, configs, leader epochs, producer ids and records are there, and no JSON is left', async () => {
  const dir = await oldFolder()
  const told = (lines: LogLine[]) => lines.filter(({ message }) => message.includes('converted')).length
  await opened(dir, async (broker, lines) => {
    await checkAll(broker)
    expect(told(lines)).toBe(1)
  })
  const folder = join(dir, `${METADATA_TOPIC}-0`)
  const bytes = readdirSync(folder).filter((name) => !name.endsWith('.deleted') && name.endsWith('.log'))
  for (const name of bytes) expect(readFileSync(join(folder, name)).includes('"event"')).toBe(false)
  await opened(dir, async (broker, lines) => {
    await checkAll(broker)
    expect(told(lines)).toBe(0)
  })
})

test('a crash after the snapshot and before the journal is deleted; and one before the snapshot is complete', async () => {
  const dir = await oldFolder()
  const [torn, whole] = [join(root, 'torn'), join(root, 'whole')]
  for (const copy of [torn, whole]) cpSync(dir, copy, { recursive: true })
  await opened(dir, () => {})
  const name = readdirSync(join(dir, `${METADATA_TOPIC}-0`)).find(
    (file) => file.endsWith('.checkpoint') && !file.startsWith('0'.repeat(20)),
  )!
  const snapshot = readFileSync(join(dir, `${METADATA_TOPIC}-0`, name))
  // Directory ids are those of the folder.
  cpSync(join(dir, 'meta.properties'), join(whole, 'meta.properties'))
  writeFileSync(join(whole, `${METADATA_TOPIC}-0`, name), snapshot)
  await opened(whole, checkAll)
  writeFileSync(join(torn, `${METADATA_TOPIC}-0`, `${name}.tmp`), snapshot.subarray(0, 100))
  await opened(torn, checkAll)
})
