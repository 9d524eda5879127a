/**
 * Goal: what readers see of a log with transactions is what Apache Kafka shows, also over many segments and after DeleteRecords: offsets by
 * time and of both ends, committed records, the producers, and pending offsets of groups. Method: random walks of the same requests to
 * both.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import fetchApi from '../../core/apis/01-fetch.ts'
import listOffsets from '../../core/apis/02-list-offsets.ts'
import deleteRecords from '../../core/apis/21-delete-records.ts'
import deleteGroups from '../../core/apis/42-delete-groups.ts'
import describeProducers from '../../core/apis/61-describe-producers.ts'
import { attributes } from '../../core/wire/batch-header.ts'
import { batches, decodeRecords } from '../../core/wire/record-batch.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { rawClient } from '../raw-client.ts'
import { type KafkaBroker, startApacheKafka } from './apache-kafka.ts'
import { Peer, type Producer } from './transaction-peer.ts'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 180_000 })

const WALKS = Number(process.env.TRIBUTARY_TEST_WALKS ?? 20)

const HOUR_MS = 3_600_000
/** Of the first record; no record is newer than now. */
const start = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 1_000 * HOUR_MS

let kafka: KafkaBroker
let ours: BrokerInProcess
let peers: Peer[] = []
beforeAll(async () => {
  kafka = await startApacheKafka({ 'offsets.topic.num.partitions': 5 })
  ours = await brokerInProcess({ 'offsets.topic.num.partitions': '5', 'transaction.state.log.num.partitions': '5' })
  peers = [new Peer(await ours.client()), new Peer(await rawClient(kafka.port))]
  for (const peer of peers) {
    await peer.coordinator(0, 'g')
    await peer.coordinator(1, 'id')
    await peer.createTopic('offsets', 2)
  }
})
afterAll(async () => {
  for (const { client } of peers) client.close()
  await ours?.stop()
  await kafka?.stop()
})

type Step =
  | { do: 'append'; producer: number; hours: number[] }
  | { do: 'plain'; hours: number[] }
  | { do: 'end'; producer: number; committed: boolean; version: 4 | 5 }
  | { do: 'marker'; producer: number; transactionVersion: number; epochChange: number }
  | { do: 'offsets'; producer: number; committed: number }
  | { do: 'deleteRecords'; back: number }
  | { do: 'deleteGroup' }

const hours = fc.array(fc.nat(20), { minLength: 1, maxLength: 4 })
const producer = fc.nat(1)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), producer, hours }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('plain' as const), hours }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      producer,
      committed: fc.boolean(),
      version: fc.constantFrom(4 as const, 5 as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('marker' as const),
      producer,
      transactionVersion: fc.constantFrom(0, 2),
      // A marker of a later epoch would leave the transaction of its producer undone.
      epochChange: fc.integer({ min: -1, max: 0 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('offsets' as const), producer, committed: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('deleteRecords' as const), back: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('deleteGroup' as const) }) },
)

interface Appended {
  responses: { partitionResponses: { errorCode: number; baseOffset: number }[] }[]
}

class Walk {
  readonly #peer: Peer
  readonly #name: string
  readonly #producers: Producer[] = []
  readonly #sequences = new Map<string, number>()
  readonly #results: unknown[] = []
  /** Offsets inside of batches: Kafka's last stable offset is that of the whole batch where a log starts at one. */
  readonly #inner = new Set<number>()

  constructor(peer: Peer, name: string) {
    this.#peer = peer
    this.#name = name
  }

  async run(steps: readonly Step[]): Promise<unknown[]> {
    await this.#peer.createTopic(this.#name, 1, [
      { name: 'segment.ms', value: String(5 * HOUR_MS) },
      { name: 'retention.ms', value: '-1' },
    ])
    for (const suffix of ['a', 'b']) this.#producers.push(await this.#peer.init(`${this.#name}-${suffix}`))
    for (const one of steps) {
      this.#results.push(one, await this.#do(one))
      await this.#look()
    }
    return this.#results
  }

  async #do(one: Step): Promise<unknown> {
    const peer = this.#peer
    switch (one.do) {
      case 'append': {
        const producer = this.#producers[one.producer]!
        const key = `${producer.producerId} ${producer.producerEpoch}`
        const sequence = this.#sequences.get(key) ?? 0
        const timestamps = one.hours.map((hour) => start + hour * HOUR_MS)
        const response = await peer.produce(producer, this.#name, sequence, { version: 12, timestamps })
        if (JSON.stringify(response).includes('"errorCode":0')) this.#sequences.set(key, sequence + timestamps.length)
        return this.#appended(response, timestamps.length)
      }
      case 'plain': {
        const nobody = { transactionalId: '', producerId: -1, producerEpoch: -1 }
        const timestamps = one.hours.map((hour) => start + hour * HOUR_MS)
        return this.#appended(
          await peer.produce(nobody, this.#name, -1, { id: null, batch: { transactional: false }, timestamps }),
          timestamps.length,
        )
      }
      case 'end': {
        const producer = this.#producers[one.producer]!
        try {
          await peer.end(producer, one.committed, one.version)
          return 'ended'
        } catch (error) {
          return (error as Error).message
        }
      }
      case 'marker': {
        const producer = this.#producers[one.producer]!
        const { transactionVersion } = one
        const producerEpoch = Math.max(0, producer.producerEpoch + one.epochChange)
        return peer.marker(producer, [{ name: this.#name, partitionIndexes: [0] }], { transactionVersion, producerEpoch })
      }
      case 'offsets':
        return peer.commitOffset(this.#producers[one.producer]!, 5, { groupId: this.#name }, { committedOffset: one.committed })
      case 'deleteRecords': {
        let offset = Math.max(0, (await peer.latest(this.#name)) - one.back)
        while (this.#inner.has(offset)) offset--
        const topics = [{ name: this.#name, partitions: [{ partitionIndex: 0, offset }] }]
        const { errorCode, lowWatermark } = (await peer.client.send(deleteRecords, 2, { topics, timeoutMs: 5_000 })).topics[0]!
          .partitions[0]!
        this.#isDeleted ||= lowWatermark > 0
        return { errorCode, lowWatermark }
      }
      case 'deleteGroup':
        // Kafka keeps a group whose only commit was aborted until offsets are next expired.
        await peer.ask(deleteGroups, 2, { groupsNames: [this.#name] })
        return 'deleted'
    }
  }

  #appended(response: unknown, count: number): unknown {
    const { errorCode, baseOffset } = (response as Appended).responses[0]!.partitionResponses[0]!
    if (errorCode === 0) for (let index = 1; index < count; index++) this.#inner.add(baseOffset + index)
    return response
  }

  /** Then Kafka gives the largest timestamp of deleted records too, and finds nothing by time behind a segment whose newest are deleted. */
  #isDeleted = false

  async #look(): Promise<void> {
    const peer = this.#peer
    const name = this.#name
    for (const isolationLevel of [0, 1]) {
      const times = Array.from({ length: 11 }, (_, index) => start + index * 2 * HOUR_MS)
      for (const timestamp of [-1, -2, -4, ...(this.#isDeleted ? [] : [-3, 0, ...times, Date.now() + HOUR_MS])]) {
        const topics = [{ name, partitions: [{ partitionIndex: 0, timestamp }] }]
        const response = await peer.client.send(listOffsets, 8, { replicaId: -1, isolationLevel, topics })
        const { errorCode, offset, leaderEpoch, timestamp: found } = response.topics[0]!.partitions[0]!
        // Markers have the time of the broker.
        const time = found > start + 100 * HOUR_MS ? 'now' : found < 0 ? found : (found - start) / HOUR_MS
        const asked = timestamp < start ? timestamp : (timestamp - start) / HOUR_MS
        this.#results.push(`ListOffsets ${isolationLevel} ${asked > 100 ? 'now' : asked}: ${errorCode} ${offset} ${leaderEpoch} ${time}`)
      }
    }
    this.#results.push(await peer.ask(describeProducers, 0, { topics: [{ name, partitionIndexes: [0] }] }))
    this.#results.push(await this.#committed())
    this.#results.push(await peer.fetchOffset(name, true), await peer.fetchOffset(name, false), await peer.fetchOffset(name, true, null))
  }

  /** What a read-committed consumer gets from the beginning, and where it then is. */
  async #committed(): Promise<unknown> {
    const values: string[] = []
    const open = [{ partitionIndex: 0, timestamp: -2 }]
    const request = { replicaId: -1, isolationLevel: 1, topics: [{ name: this.#name, partitions: open }] }
    let fetchOffset = (await this.#peer.client.send(listOffsets, 7, request)).topics[0]!.partitions[0]!.offset
    for (;;) {
      const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }]
      const fetch = {
        maxWaitMs: 0,
        minBytes: 1,
        isolationLevel: 1,
        sessionEpoch: -1,
        topics: [{ topic: this.#name, topicId: '', partitions }],
      }
      const response = (await this.#peer.client.send(fetchApi, 12, fetch)).responses[0]!.partitions[0]!
      const { errorCode, records, abortedTransactions, highWatermark, lastStableOffset, logStartOffset } = response
      const pending = [...(abortedTransactions ?? [])].sort((a, b) => a.firstOffset - b.firstOffset)
      const aborted = new Set<number>()
      const from: number = fetchOffset
      for (const { header, bytes } of batches(Buffer.concat([records ?? []].flat() as Buffer[]))) {
        while (pending.length > 0 && pending[0]!.firstOffset <= header.lastOffset) aborted.add(pending.shift()!.producerId)
        fetchOffset = header.lastOffset + 1
        if ((header.attributes & attributes.control) !== 0) aborted.delete(header.producerId)
        else if (!aborted.has(header.producerId) || (header.attributes & attributes.transactional) === 0)
          values.push(...decodeRecords(bytes).flatMap(({ offset }) => (offset >= from ? [`${offset}`] : [])))
      }
      if (fetchOffset === from) return { errorCode, values, fetchOffset, highWatermark, lastStableOffset, logStartOffset }
    }
  }
}

let walks = 0

test('random walks of producers, deletions and readers are those of Apache Kafka', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 20 }), async (steps) => {
      const name = `walk-${walks++}`
      const [a, b] = await Promise.all(peers.map((peer) => new Walk(peer, name).run(steps)))
      expect(a).toEqual(b)
    }),
    { numRuns: WALKS, endOnFailure: true },
  )
})
