/**
 * A log directory as Tributary 0.1 left it, on a disk in memory: its journal of JSON records, partitions with records and leader epochs.
 * All of it is durable, and clients knew it.
 */
import { METADATA_TOPIC } from '../../core/cluster/metadata-log.ts'
import { openLogs } from '../../core/log/index.ts'
import type { Logs } from '../../core/log/types.ts'
import { encodeBatch } from '../../core/wire/record-batch.ts'
import { batchOf, config, options, TOPIC_ID } from '../core/log/scratch-log.ts'
import type { ClientKnowledge } from './client-knowledge.ts'
import type { RecordingDisk } from './recording-disk.ts'
import { DATA, systemOn } from './simulated-broker.ts'

const ORDERS = 'rB7sM1pSTL-0QfNKPxCn2w'
const PROFILES = 'tB7sM1pSTL-0QfNKPxCn2w'
const GONE = 'sB7sM1pSTL-0QfNKPxCn2w'
const LEADER_EPOCH = 4
const PRODUCER_IDS_END = 3000
const MAX_CONNECTIONS = 7000

const events = [
  { type: 'topic', name: 'gone', id: GONE, partitions: 1, configs: {} },
  { type: 'topic', name: 'orders', id: ORDERS, partitions: 1, configs: {} },
  { type: 'producerIds', end: PRODUCER_IDS_END },
  { type: 'partitions', id: ORDERS, partitions: 2 },
  { type: 'topicDeleted', id: GONE },
  { type: 'topic', name: 'profiles', id: PROFILES, partitions: 1, configs: { 'cleanup.policy': 'compact' } },
  { type: 'topicConfigs', id: ORDERS, configs: { 'retention.ms': '1000000000' } },
  { type: 'brokerConfigs', broker: '', configs: { 'max.connections.per.ip': String(MAX_CONNECTIONS) } },
]

/** `wasKilled`: it did not stop cleanly. */
export async function writeJournalFolder(disk: RecordingDisk, knowledge: ClientKnowledge, wasKilled: boolean): Promise<void> {
  const logs = await openLogs(options(DATA), systemOn(disk))
  await writePartitions(logs, knowledge)
  await logs.close()
  // As of a node that was installed before log directories had ids.
  const meta = `${DATA}/meta.properties`
  const lines = disk.readFile(meta)!.toString().split('\n')
  await disk.replaceFile(meta, lines.filter((line) => !line.startsWith('directory.id')).join('\n'))
  if (wasKilled) disk.unlink(`${DATA}/.kafka_cleanshutdown`)
  await disk.syncFolder(DATA)
  knowTopics(knowledge)
}

async function writePartitions(logs: Logs, knowledge: ClientKnowledge): Promise<void> {
  const journal = await logs.open(METADATA_TOPIC, TOPIC_ID, 0, config)
  for (const event of events) {
    const value = Buffer.from(JSON.stringify({ v: 1, event }))
    await journal.append(encodeBatch([{ key: null, value, timestamp: 1 }]), 'coordinator').durable
  }
  for (const [topic, topicId, partition] of [
    ['orders', ORDERS, 0],
    ['orders', ORDERS, 1],
    ['profiles', PROFILES, 0],
  ] as const) {
    const log = await logs.open(topic, topicId, partition, config)
    log.lead(LEADER_EPOCH)
    const value = `of 0.1 in ${topic}-${partition}`
    await log.append(batchOf([value], { timestamp: Date.now(), key: value })).durable
    knowledge.acknowledge(`${value} is at offset 0`, async (opened) => {
      const [first] = await opened.records(topic, partition)
      if (first?.offset !== 0 || first.value !== value) throw new Error(`found ${first?.value} at ${first?.offset}`)
      const { leaderEpoch } = opened.broker.logs.get(topic, partition)!
      if (leaderEpoch < LEADER_EPOCH) throw new Error(`the leader epoch is ${leaderEpoch}`)
    })
  }
}

function knowTopics(knowledge: ClientKnowledge): void {
  for (const [name, id] of [
    ['orders', ORDERS],
    ['profiles', PROFILES],
  ] as const)
    knowledge.acknowledge(`topic ${name} has id ${id}`, ({ broker: { cluster } }) => {
      if (cluster.topic(name)?.id !== id) throw new Error(`it is ${cluster.topic(name)?.id}`)
    })
  knowledge.acknowledge('topic gone is deleted', ({ broker: { cluster } }) => {
    if (cluster.topic('gone')) throw new Error('it exists')
  })
  knowledge.acknowledge('retention.ms of orders is set', ({ broker: { cluster } }) => {
    const { configs } = cluster.topic('orders')!
    if (!(Number(configs['retention.ms']) >= 1_000_000_000)) throw new Error(`it is ${configs['retention.ms']}`)
  })
  knowledge.acknowledge(`max.connections.per.ip=${MAX_CONNECTIONS} is set`, ({ broker: { cluster } }) => {
    const value = cluster.brokerValue('max.connections.per.ip')
    if (value !== MAX_CONNECTIONS) throw new Error(`it is ${value}`)
  })
  knowledge.acknowledge(`producer ids before ${PRODUCER_IDS_END} are given`, async ({ broker: { cluster } }) => {
    const next = await cluster.nextProducerId()
    if (next < PRODUCER_IDS_END) throw new Error(`the next one is ${next}`)
  })
}
