/**
 * A transactional producer and a reader in raw requests, for what is compared between two brokers: responses without what depends on
 * clocks and on what else a broker has done.
 */
import produceApi from '../../core/apis/00-produce.ts'
import fetchApi from '../../core/apis/01-fetch.ts'
import listOffsets from '../../core/apis/02-list-offsets.ts'
import offsetFetch from '../../core/apis/09-offset-fetch.ts'
import findCoordinator from '../../core/apis/10-find-coordinator.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import initProducerId from '../../core/apis/22-init-producer-id.ts'
import addPartitionsToTxn from '../../core/apis/24-add-partitions-to-txn.ts'
import endTxn from '../../core/apis/26-end-txn.ts'
import writeTxnMarkers from '../../core/apis/27-write-txn-markers.ts'
import txnOffsetCommit from '../../core/apis/28-txn-offset-commit.ts'
import describeTransactions from '../../core/apis/65-describe-transactions.ts'
import type { AnyApi } from '../../core/wire/api.ts'
import { attributes } from '../../core/wire/batch-header.ts'
import { type BatchOptions, batches, decodeRecords, encodeBatch } from '../../core/wire/record-batch.ts'
import type { RawClient } from '../raw-client.ts'
import { until } from '../until.ts'

/** What does not depend on clocks and on what else a broker has done. */
const compared = new Set([
  ...['errorCode', 'partitionErrorCode', 'baseOffset', 'offset', 'highWatermark', 'lastStableOffset', 'committedOffset', 'metadata'],
  ...['partitionIndex', 'firstOffset', 'lastSequence', 'coordinatorEpoch', 'currentTxnStartOffset'],
])

/** The compared values with their names, partitions in order. */
function valuesOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(valuesOf).sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return undefined
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) => {
      if (compared.has(key)) return [[key, each]]
      const inner = valuesOf(each)
      return inner === undefined ? [] : [[key, inner]]
    }),
  )
}

/** CONCURRENT_TRANSACTIONS, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, COORDINATOR_NOT_AVAILABLE: the client tries again. */
const passing = [51, 14, 16, 15]

export interface Producer {
  transactionalId: string
  producerId: number
  producerEpoch: number
}

export class Peer {
  readonly client: RawClient
  constructor(client: RawClient) {
    this.client = client
  }

  async ask(api: AnyApi, version: number, request: object): Promise<unknown> {
    return valuesOf(await this.client.send(api as never, version, request as never))
  }

  /** Waits until the coordinator is there. */
  async coordinator(keyType: number, key: string): Promise<void> {
    const found = async () =>
      (await this.client.send(findCoordinator, 4, { keyType, coordinatorKeys: [key] })).coordinators[0]!.errorCode === 0
    await until(found, `the coordinator of ${key}`, 30_000)
  }

  async createTopic(name: string, numPartitions = 1, configs: { name: string; value: string }[] = []): Promise<void> {
    await this.client.send(createTopics, 7, {
      topics: [{ name, numPartitions, replicationFactor: 1, assignments: [], configs }],
      validateOnly: false,
    })
    const partitions = [{ partitionIndex: numPartitions - 1, timestamp: -1 }]
    const hasLeader = async () => {
      const { topics } = await this.client.send(listOffsets, 7, { replicaId: -1, isolationLevel: 0, topics: [{ name, partitions }] })
      return topics[0]!.partitions[0]!.errorCode === 0
    }
    await until(hasLeader, `${name} has leaders`)
  }

  async init(transactionalId: string): Promise<Producer> {
    let producer: Producer | null = null
    await until(
      async () => {
        const request = { transactionalId, transactionTimeoutMs: 60_000 }
        const { errorCode, producerId, producerEpoch } = await this.client.send(initProducerId, 4, request)
        if (errorCode !== 0 && !passing.includes(errorCode)) throw new Error(`InitProducerId: error ${errorCode}`)
        producer = { transactionalId, producerId, producerEpoch }
        return errorCode === 0
      },
      'a producer id',
      30_000,
    )
    return producer!
  }

  async add({ transactionalId, producerId, producerEpoch }: Producer, topic: string, ...partitions: number[]): Promise<void> {
    await until(async () => {
      const response = await this.client.send(addPartitionsToTxn, 3, {
        transactions: [],
        v3AndBelowTransactionalId: transactionalId,
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: producerEpoch,
        v3AndBelowTopics: [{ name: topic, partitions }],
      })
      const { partitionErrorCode } = response.resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!
      if (partitionErrorCode !== 0 && !passing.includes(partitionErrorCode)) throw new Error(`AddPartitionsToTxn: ${partitionErrorCode}`)
      return partitionErrorCode === 0
    }, 'the partitions are added')
  }

  produce(
    producer: Producer,
    topic: string,
    sequence: number,
    over: { version?: number; id?: string | null; batch?: BatchOptions; timestamps?: number[] } = {},
  ) {
    const { producerId, producerEpoch, transactionalId } = producer
    const { version = 11, id = transactionalId, batch, timestamps = [Date.now()] } = over
    const options = { producerId, producerEpoch, baseSequence: sequence, transactional: true, ...batch }
    const value = Buffer.from(`${sequence}`)
    const records = encodeBatch(
      timestamps.map((timestamp) => ({ key: null, value, timestamp })),
      options,
    )
    const topicData = [{ name: topic, topicId: '', partitionData: [{ index: 0, records }] }]
    return this.ask(produceApi, version, { transactionalId: id, acks: -1, timeoutMs: 5000, topicData })
  }

  /** From v5 on the producer gets its next epoch. The markers are written when it resolves. */
  async end(producer: Producer, committed: boolean, version = 4): Promise<void> {
    const { transactionalId, producerId, producerEpoch } = producer
    let code = -1
    await until(async () => {
      const response = await this.client.send(endTxn, version, { transactionalId, producerId, producerEpoch, committed })
      code = response.errorCode
      if (version >= 5 && code === 0) Object.assign(producer, { producerId: response.producerId, producerEpoch: response.producerEpoch })
      return !passing.includes(code)
    }, 'the end of the transaction')
    if (code !== 0) throw new Error(`EndTxn: error ${code}`)
    // Until then the coordinator does not let the next transaction begin.
    const isComplete = async () => {
      const { transactionStates } = await this.client.send(describeTransactions, 0, { transactionalIds: [transactionalId] })
      return transactionStates[0]!.transactionState.startsWith('Complete')
    }
    await until(isComplete, 'the end of the transaction is complete')
  }

  async latest(name: string, isolationLevel = 0): Promise<number> {
    const request = { replicaId: -1, isolationLevel, topics: [{ name, partitions: [{ partitionIndex: 0, timestamp: -1 }] }] }
    return (await this.client.send(listOffsets, 7, request)).topics[0]!.partitions[0]!.offset
  }

  async fetch(topic: string, fetchOffset: number, isolationLevel: number, partitionMaxBytes = 1_000_000): Promise<unknown> {
    const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes }]
    const request = { maxWaitMs: 0, minBytes: 1, isolationLevel, sessionEpoch: -1, topics: [{ topic, topicId: '', partitions }] }
    const response = await this.client.send(fetchApi, 12, request)
    const { records, abortedTransactions } = response.responses[0]!.partitions[0]!
    const bytes = Buffer.concat([records ?? []].flat() as Buffer[]).length
    // For a part of the log Kafka lists later transactions too, as far as its sparse index tells.
    if (partitionMaxBytes === 1) return [bytes]
    return [valuesOf(response), bytes, abortedTransactions?.map(({ firstOffset }) => firstOffset) ?? null]
  }

  /** The values that a read-committed consumer gets of a topic that fits into one response. */
  async readCommitted(topic: string): Promise<string[]> {
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }]
    const request = { maxWaitMs: 0, minBytes: 1, isolationLevel: 1, sessionEpoch: -1, topics: [{ topic, topicId: '', partitions }] }
    const { records, abortedTransactions } = (await this.client.send(fetchApi, 12, request)).responses[0]!.partitions[0]!
    const pending = (abortedTransactions ?? []).sort((a, b) => a.firstOffset - b.firstOffset)
    const aborted = new Set<number>()
    const values: string[] = []
    for (const { header, bytes } of batches(Buffer.concat([records ?? []].flat() as Buffer[]))) {
      while (pending.length > 0 && pending[0]!.firstOffset <= header.lastOffset) aborted.add(pending.shift()!.producerId)
      if ((header.attributes & attributes.control) !== 0) aborted.delete(header.producerId)
      else if (!aborted.has(header.producerId)) values.push(...decodeRecords(bytes).map(({ value }) => `${value}`))
    }
    return values
  }

  commitOffset(producer: Producer, version: number, over: object = {}, partition: object = {}): Promise<unknown> {
    const partitions = [{ partitionIndex: 0, committedOffset: 7, committedLeaderEpoch: -1, committedMetadata: 'm', ...partition }]
    const group = { groupId: 'g', generationId: -1, memberId: '', groupInstanceId: null }
    return this.ask(txnOffsetCommit, version, { ...producer, ...group, topics: [{ name: 'offsets', partitions }], ...over })
  }

  fetchOffset(
    groupId: string,
    requireStable: boolean,
    topics: object[] | null = [{ name: 'offsets', topicId: '', partitionIndexes: [0, 1] }],
  ) {
    const groups = [{ groupId, memberId: null, memberEpoch: -1, topics }]
    return this.ask(offsetFetch, 8, { groupId: '', topics: null, groups, requireStable })
  }

  marker(producer: Producer, topics: object[], over: object = {}): Promise<unknown> {
    const { producerId, producerEpoch } = producer
    const marker = { producerId, producerEpoch, transactionResult: false, topics, coordinatorEpoch: 0, transactionVersion: 0, ...over }
    return this.ask(writeTxnMarkers, 2, { markers: [marker] })
  }
}
