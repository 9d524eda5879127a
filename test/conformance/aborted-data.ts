/**
 * Two partitions full of transactions, for readers: one rolled into many segments, one compacted as well, both cut by DeleteRecords in the
 * middle of an aborted transaction. A model of what was written says what a reader must get. `overlapping`: several transactions are open
 * at the same time.
 */
import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import produce from '../../core/apis/00-produce.ts'
import fetch from '../../core/apis/01-fetch.ts'
import findCoordinator from '../../core/apis/10-find-coordinator.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import deleteRecords from '../../core/apis/21-delete-records.ts'
import initProducerId from '../../core/apis/22-init-producer-id.ts'
import addPartitions from '../../core/apis/24-add-partitions-to-txn.ts'
import endTransaction from '../../core/apis/26-end-txn.ts'
import { errorName } from '../../core/errors.ts'
import { batches, decodeRecords, encodeBatch } from '../../core/wire/record-batch.ts'
import type { RawClient } from '../raw-client.ts'
import { until } from '../until.ts'

const STEPS = 240
const STEP_MS = 10
/** A segment is rolled when a batch is this much newer than its first one. */
const SEGMENT_MS = 80
const KEYS = 12
const PRODUCERS = 4
const LAST = 'the last value'

interface Written {
  readonly offset: number
  readonly key: string
  readonly value: string
  readonly transaction: Transaction
}

interface Transaction {
  firstOffset: number
  lastOffset: number
  state: 'open' | 'committed' | 'aborted'
}

export interface AbortedData {
  readonly topic: string
  /** The value at the end of the log, which is committed. */
  readonly last: string
  /** The values of the transactions that were committed. */
  readonly committed: ReadonlySet<string>
  /** Throws where a read_committed reader must not have received `values`, or not them alone. */
  check(values: readonly string[]): void
}

/** Writes the records, waits for the compaction of a compacted topic, and deletes what is before the middle of an aborted transaction. */
export async function writeAbortedData(
  client: RawClient,
  { compacted, overlapping, random }: { compacted: boolean; overlapping: boolean; random: () => number },
): Promise<AbortedData> {
  const below = (limit: number) => Math.floor(random() * limit)
  const topic = `aborted-${randomUUID()}`
  const configs = {
    'cleanup.policy': compacted ? 'compact,delete' : 'delete',
    'segment.ms': `${SEGMENT_MS}`,
    'retention.ms': '-1',
    'min.cleanable.dirty.ratio': '0.01',
    'delete.retention.ms': '0',
  }
  const created = await client.send(createTopics, 5, {
    topics: [{ name: topic, numPartitions: 1, replicationFactor: 1, assignments: [], configs: Object.entries(configs).map(([name, value]) => ({ name, value })) }], // biome-ignore format: one request
    timeoutMs: 30_000,
    validateOnly: false,
  })
  expect(created.topics[0]!.errorCode).toBe(0)

  const written: Written[] = []
  const producers = await Promise.all(Array.from({ length: PRODUCERS }, () => newProducer(client, topic)))
  const firstMs = Date.now() - STEPS * STEP_MS
  const open = new Map<number, Transaction>()
  const end = async (index: number, state: 'committed' | 'aborted') => {
    const transaction = open.get(index)!
    open.delete(index)
    await producers[index]!.end(state === 'committed')
    transaction.state = state
  }
  for (let step = 0; step < STEPS; step++) {
    const index = below(PRODUCERS)
    if (!overlapping) for (const other of open.keys()) if (other !== index) await end(other, below(5) < 3 ? 'committed' : 'aborted')
    let transaction = open.get(index)
    if (!transaction) {
      transaction = { firstOffset: -1, lastOffset: -1, state: 'open' }
      open.set(index, transaction)
      await producers[index]!.begin()
    }
    const records = Array.from({ length: 1 + below(3) }, (_, place) => ({ key: `k${below(KEYS)}`, value: `${step}-${place}-by-${index}` }))
    const offset = await producers[index]!.send(records, firstMs + step * STEP_MS)
    if (transaction.firstOffset < 0) transaction.firstOffset = offset
    transaction.lastOffset = offset + records.length - 1
    for (const [place, record] of records.entries()) written.push({ ...record, offset: offset + place, transaction })
    if (below(3) === 0) await end(index, below(5) < 3 ? 'committed' : 'aborted')
  }
  for (const index of [...open.keys()]) await end(index, 'aborted')
  const last: Transaction = { firstOffset: -1, lastOffset: -1, state: 'open' }
  open.set(0, last)
  await producers[0]!.begin()
  const lastOffset = await producers[0]!.send([{ key: LAST, value: LAST }], Date.now())
  await end(0, 'committed')
  written.push({ offset: lastOffset, key: LAST, value: LAST, transaction: last })
  const committed = written.filter(({ transaction }) => transaction.state === 'committed')
  expect(committed.length).toBeLessThan(written.length)

  if (compacted) {
    const [first] = committed
    await until(async () => !(await offsetsIn(client, topic)).has(first!.offset), 'the first record is compacted away', 60_000)
  }
  const cutIn = written.find(({ offset, transaction: { firstOffset, lastOffset: end, state } }) => state === 'aborted' && offset > written.length / 3 && offset > firstOffset && offset < end)! // biome-ignore format: one condition
  const start = cutIn.offset
  const deleted = await client.send(deleteRecords, 2, {
    topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset: start }] }],
    timeoutMs: 30_000,
  })
  expect(deleted.topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, lowWatermark: start })

  const all = committed.filter(({ offset }) => offset >= start).map(({ value }) => value)
  const lastOfKeys = new Map(committed.map((record) => [record.key, record]))
  const kept = [...lastOfKeys.values()].filter(({ offset }) => offset >= start).map(({ value }) => value)
  return {
    topic,
    last: LAST,
    committed: new Set(committed.map(({ value }) => value)),
    check(values) {
      if (!compacted) expect(values).toEqual(all)
      // A later cleaning may remove more of what has a newer value, and nothing else.
      const received = new Set(values)
      expect(values, 'committed records, each once and in order').toEqual(all.filter((value) => received.has(value)))
      expect(
        kept.filter((value) => !received.has(value)),
        'the newest value of each key is there',
      ).toEqual([])
    },
  }
}

interface RawProducer {
  begin(): Promise<void>
  /** Returns the offset of the first record. */
  send(records: readonly { key: string; value: string }[], timestamp: number): Promise<number>
  end(commit: boolean): Promise<void>
}

async function newProducer(client: RawClient, topic: string): Promise<RawProducer> {
  const transactionalId = randomUUID()
  await until(async () => {
    const { errorCode } = await client.send(findCoordinator, 2, { key: transactionalId, keyType: 1 })
    return errorCode === 0
  }, 'the transaction coordinator')
  const identity = { producerId: -1, producerEpoch: -1 }
  await until(async () => {
    const { errorCode, producerId, producerEpoch } = await client.send(initProducerId, 1, { transactionalId, transactionTimeoutMs: 60_000 })
    Object.assign(identity, { producerId, producerEpoch })
    return errorCode === 0
  }, 'a producer id')
  let baseSequence = 0
  const check = (what: string, code: number) => {
    if (code !== 0) throw new Error(`${what}: ${errorName(code)}`)
  }
  return {
    // While the markers of the transaction before are written, the coordinator asks for patience.
    begin: async () => {
      await until(async () => {
        const { resultsByTopicV3AndBelow } = await client.send(addPartitions, 1, {
          v3AndBelowTransactionalId: transactionalId,
          v3AndBelowProducerId: identity.producerId,
          v3AndBelowProducerEpoch: identity.producerEpoch,
          v3AndBelowTopics: [{ name: topic, partitions: [0] }],
        })
        const code = resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!.partitionErrorCode
        if (code !== 0 && errorName(code) !== 'CONCURRENT_TRANSACTIONS') check('AddPartitionsToTxn', code)
        return code === 0
      }, 'the partition is in the transaction')
    },
    async send(records, timestamp) {
      const encoded = records.map(({ key, value }) => ({ key: Buffer.from(key), value: Buffer.from(value), timestamp }))
      const batch = encodeBatch(encoded, { ...identity, baseSequence, transactional: true })
      baseSequence += records.length
      // Apache Kafka answers CreateTopics before the partition has its leader.
      return until(async () => {
        const { responses } = await client.send(produce, 7, {
          transactionalId,
          acks: -1,
          timeoutMs: 30_000,
          topicData: [{ name: topic, partitionData: [{ index: 0, records: batch }] }],
        })
        const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
        const isLeaderless = ['NOT_LEADER_FOR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION'].includes(errorName(errorCode))
        return isLeaderless ? null : { errorCode, baseOffset }
      }, 'the leader of the partition').then((partition) => {
        check('Produce', partition!.errorCode)
        return partition!.baseOffset
      })
    },
    async end(committed) {
      const { errorCode } = await client.send(endTransaction, 1, { transactionalId, ...identity, committed })
      check('EndTxn', errorCode)
    },
  }
}

/** The offsets of the records that are in the log, of all transactions. */
async function offsetsIn(client: RawClient, topic: string): Promise<Set<number>> {
  const found = new Set<number>()
  for (let offset = 0; ; ) {
    const partition = { partition: 0, fetchOffset: offset, partitionMaxBytes: 1024 * 1024 }
    const { responses } = await client.send(fetch, 11, { maxWaitMs: 0, minBytes: 1, maxBytes: 1024 * 1024, isolationLevel: 0, sessionId: 0, sessionEpoch: -1, topics: [{ topic, partitions: [partition] }], forgottenTopicsData: [], rackId: '' }) // biome-ignore format: one request
    const { records, highWatermark } = responses[0]!.partitions[0]!
    const before = offset
    for (const { header, bytes } of batches(records ?? Buffer.alloc(0))) {
      offset = header.lastOffset + 1
      for (const record of decodeRecords(bytes)) found.add(record.offset)
    }
    if (offset === before || offset >= highWatermark) return found
  }
}
