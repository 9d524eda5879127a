/**
 * Goal: a consumer returns each record once and in order whatever fetches bring, never records of aborted transactions (Invariant 4),
 * throws what only its user can solve, and fetches ahead no further than its bound. Method: a fake broker that serves prepared logs, among
 * them transactions that Apache Kafka wrote (test/golden/record-batches.json).
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import fetchApi from '../../../../core/apis/01-fetch.ts'
import listOffsets from '../../../../core/apis/02-list-offsets.ts'
import metadata from '../../../../core/apis/03-metadata.ts'
import offsetCommit from '../../../../core/apis/08-offset-commit.ts'
import findCoordinator from '../../../../core/apis/10-find-coordinator.ts'
import offsetForLeaderEpoch from '../../../../core/apis/23-offset-for-leader-epoch.ts'
import { type ConsumerSettings, createClient } from '../../../../core/client/index.ts'
import { clientLimits } from '../../../../core/client/limits.ts'
import { type ErrorName, errorCode } from '../../../../core/errors.ts'
import { realClock } from '../../../../core/system/clock.ts'
import { silentLogger } from '../../../../core/system/logger.ts'
import { realRandom } from '../../../../core/system/random.ts'
import { at, attributes } from '../../../../core/wire/batch-header.ts'
import { batches, decodeRecords, encodeBatch } from '../../../../core/wire/record-batch.ts'
import { until } from '../../../until.ts'
import { fakeBroker, topicId } from '../fake-broker.ts'

const system = { clock: realClock, random: realRandom, logger: silentLogger }
const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const part of open.splice(0)) await part.close()
})

interface Served {
  /** Whole batches, with their offsets. */
  log: Buffer[]
  aborted?: { producerId: number; firstOffset: number; lastOffset: number }[]
  /** Sent instead of records, one in each response, as long as there are any. */
  errors?: ErrorName[]
  leaderEpoch?: number
  /** Fetches without records or errors are answered when it resolves. */
  idle?: Promise<void>
}

const partition = (index: number) => ({ topic: 't', partition: index })
const batchAt = (baseOffset: number, values: readonly string[], leaderEpoch = 0) =>
  encodeBatch(
    values.map((value) => ({ key: null, value: Buffer.from(value), timestamp: 1 })),
    { baseOffset, leaderEpoch },
  )
const endOf = (log: readonly Buffer[]) => [...batches(log.at(-1) ?? Buffer.alloc(0))].map(({ header }) => header.lastOffset + 1)[0] ?? 0

async function serve(partitions: Served[], settings: ConsumerSettings = {}) {
  const broker = await fakeBroker({ t: partitions.length })
  const fetched: { partition: number; offset: number }[][] = []
  type Asked = { maxWaitMs: number; topics: { partitions: { partition: number; fetchOffset: number; partitionMaxBytes: number }[] }[] }
  broker.on(metadata, () => ({
    throttleTimeMs: 0,
    brokers: [{ nodeId: 1, host: '127.0.0.1', port: broker.port, rack: null }],
    clusterId: 'fake',
    controllerId: 1,
    errorCode: 0,
    topics: [
      {
        errorCode: 0,
        name: 't',
        topicId: topicId('t'),
        partitions: partitions.map(({ leaderEpoch }, partitionIndex) => ({
          errorCode: 0,
          partitionIndex,
          leaderId: 1,
          leaderEpoch: leaderEpoch ?? 0,
          replicaNodes: [1],
          isrNodes: [1],
        })),
      },
    ],
  }))
  broker.on(listOffsets, (request: { topics: { partitions: { partitionIndex: number; timestamp: number }[] }[] }) => ({
    throttleTimeMs: 0,
    topics: [
      {
        name: 't',
        partitions: request.topics[0]!.partitions.map(({ partitionIndex, timestamp }) => ({
          partitionIndex,
          errorCode: 0,
          offset: timestamp === -2 ? 0 : endOf(partitions[partitionIndex]!.log),
        })),
      },
    ],
  }))
  broker.on(fetchApi, async (request: Asked) => {
    const wanted = request.topics[0]!.partitions
    fetched.push(wanted.map((entry) => ({ partition: entry.partition, offset: entry.fetchOffset })))
    const answer = wanted.map(({ partition: index, fetchOffset, partitionMaxBytes }) => {
      const { log, errors, aborted } = partitions[index]!
      const error = errors?.shift()
      const records: Buffer[] = []
      let bytes = 0
      for (const batch of error ? [] : log) {
        const { header } = [...batches(batch)][0]!
        if (header.lastOffset < fetchOffset || (bytes > 0 && bytes + batch.length > partitionMaxBytes)) continue
        records.push(batch)
        bytes += batch.length
      }
      return {
        partitionIndex: index,
        errorCode: error ? errorCode(error) : 0,
        highWatermark: endOf(log),
        lastStableOffset: endOf(log),
        logStartOffset: 0,
        // As a broker does: those that overlap what is fetched.
        abortedTransactions: aborted?.filter((entry) => entry.lastOffset >= fetchOffset) ?? null,
        records: Buffer.concat(records),
      }
    })
    const empty = answer.every((entry) => entry.records.length === 0 && entry.errorCode === 0)
    const idle = wanted.flatMap((entry) => partitions[entry.partition]!.idle ?? [])
    if (empty) await (idle.length > 0 ? Promise.all(idle) : new Promise((resolve) => setTimeout(resolve, request.maxWaitMs)))
    return { throttleTimeMs: 0, errorCode: 0, sessionId: 0, responses: [{ topic: 't', topicId: topicId('t'), partitions: answer }] }
  })
  const client = createClient({ bootstrapServers: broker.address, clientId: 'test', retryBackoffMs: 1, retryBackoffMaxMs: 5 }, system)
  open.push(client, broker)
  const consumer = client.consumer({ fetchMaxWaitMs: 20, autoOffsetReset: 'earliest', ...settings })
  const read = async (count: number) => {
    const values: string[] = []
    await until(async () => {
      for (const batch of await consumer.poll(100)) values.push(...batch.records.map((entry) => entry.value!.toString()))
      return values.length >= count
    }, `${count} records`)
    return values
  }
  const failure = () =>
    until(
      () =>
        consumer.poll(50).then(
          () => null,
          (error: Error & { error: string }) => error,
        ),
      'an error',
    )
  return { client, consumer, read, failure, fetched, broker }
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `${from + index}`)

describe('records', () => {
  it('start at the position, also inside a batch, and are at most max.poll.records', async () => {
    const log = [batchAt(0, range(0, 10)), batchAt(10, range(10, 20)), batchAt(25, range(25, 30))]
    const { consumer } = await serve([{ log }], { maxPollRecords: 4 })
    consumer.assign([{ ...partition(0), offset: 7 }])
    const polls: string[][] = []
    await until(async () => {
      for (const batch of await consumer.poll(100)) {
        expect(batch.nextOffset).toBe(consumer.position(partition(0)))
        polls.push(batch.records.map((entry) => entry.value!.toString()))
      }
      return polls.flat().length >= 18
    }, 'all records')
    expect(polls.flat()).toEqual([...range(7, 20), ...range(25, 30)])
    expect(Math.max(...polls.map((values) => values.length))).toBe(4)
  })

  it('are not fetched ahead beyond the bound', async () => {
    const value = 'x'.repeat(1_000_000)
    const log = Array.from({ length: 20 }, (_, index) => batchAt(index, [value]))
    const { consumer, fetched, read } = await serve([{ log }], { maxPollRecords: 1, maxPartitionFetchBytes: 1_000_000 })
    consumer.assign([{ ...partition(0), offset: 0 }])
    await read(1)
    const ahead = Math.ceil(clientLimits.prefetchPartitionBytes / 1_000_000)
    await until(() => fetched.length >= ahead, 'the fetches ahead')
    await consumer.poll(0)
    expect(fetched.length).toBeLessThanOrEqual(ahead + 3)
    expect(await read(18)).toHaveLength(18)
  })

  it('of one partition do not wait for what paused partitions have fetched ahead', async () => {
    const value = 'x'.repeat(1_000_000)
    const full = Array.from({ length: 40 }, () => ({ log: [0, 1, 2].map((offset) => batchAt(offset, [value])) }))
    const last: Served = { log: [] }
    const { consumer, fetched, read } = await serve([...full, last], { maxPartitionFetchBytes: 1_000_000 })
    const assigned = [...full, last].map((_, index) => partition(index))
    consumer.assign(assigned.map((entry) => ({ ...entry, offset: 0 })))
    await until(() => fetched.flat().filter(({ offset }) => offset > 0).length >= 30, 'the partitions are fetched ahead')
    consumer.pause(assigned.slice(0, -1))
    last.log.push(batchAt(0, ['a']))
    expect(await read(1)).toEqual(['a'])
    consumer.resume(assigned.slice(0, -1))
    expect(await read(120)).toEqual(Array.from({ length: 120 }, () => value))
  })

  it('of one partition do not wait for the long poll of another', async () => {
    const { promise: idle, resolve: endLongPoll } = Promise.withResolvers<void>()
    const { consumer, fetched, read } = await serve([{ log: [batchAt(0, ['a'])] }, { log: [], idle }])
    consumer.assign([{ ...partition(1), offset: 0 }])
    await until(() => fetched.length === 1, 'the long poll')
    consumer.assign([
      { ...partition(1), offset: 0 },
      { ...partition(0), offset: 0 },
    ])
    expect(await read(1)).toEqual(['a'])
    endLongPoll()
  })

  it('end when the signal of poll() aborts', async () => {
    const { consumer } = await serve([{ log: [] }])
    consumer.assign([{ ...partition(0), offset: 0 }])
    const abort = new AbortController()
    const polled = consumer.poll(60_000, abort.signal)
    await expect(consumer.poll(1)).rejects.toThrow(/in progress/)
    abort.abort()
    expect(await polled).toEqual([])
  })
})

describe('transactions that Apache Kafka wrote', () => {
  const { bytes, abortedTransactions } = JSON.parse(readFileSync(join(import.meta.dirname, '../../../golden/record-batches.json'), 'utf8'))
    .topics.transactions
  const log = [...batches(Buffer.from(bytes, 'base64'))].map((entry) => entry.bytes)
  const plain = [...batches(Buffer.from(bytes, 'base64'))]
    .filter(({ header }) => (header.attributes & attributes.control) === 0)
    .flatMap((entry) => decodeRecords(entry.bytes))

  it.each([1_000_000, 1])('are read committed only, in fetches of %i bytes', async (maxPartitionFetchBytes) => {
    const markers = [...batches(Buffer.from(bytes, 'base64'))].filter(({ header }) => (header.attributes & attributes.control) !== 0)
    const aborted = abortedTransactions.map((entry: { producerId: number; firstOffset: number }) => ({
      ...entry,
      lastOffset: markers.find(({ header }) => header.baseOffset > entry.firstOffset)!.header.baseOffset,
    }))
    const { consumer, read } = await serve([{ log, aborted }], { isolationLevel: 'read_committed', maxPartitionFetchBytes })
    consumer.assign([{ ...partition(0), offset: 0 }])
    const values = await read(40)
    expect(values.map((text) => JSON.parse(text).id)).toEqual(Array.from({ length: 40 }, (_, id) => id))
    await until(async () => {
      await consumer.poll(20)
      return consumer.position(partition(0)) === 70
    }, 'the end of the log, after its markers')
  })

  it('are read with those that were aborted by default, without their markers', async () => {
    const { consumer, read } = await serve([{ log }])
    consumer.assign([{ ...partition(0), offset: 0 }])
    expect(await read(plain.length)).toEqual(plain.map((entry) => entry.value!.toString()))
  })
})

describe('errors', () => {
  it('that are retriable are retried', async () => {
    const errors: ErrorName[] = [
      'NOT_LEADER_FOR_PARTITION',
      'UNKNOWN_TOPIC_OR_PARTITION',
      'KAFKA_STORAGE_ERROR',
      'OFFSET_NOT_AVAILABLE',
      'FENCED_LEADER_EPOCH',
    ]
    const { consumer, read } = await serve([{ log: [batchAt(0, ['a'])], errors }])
    consumer.assign([{ ...partition(0), offset: 0 }])
    expect(await read(1)).toEqual(['a'])
    expect(errors).toEqual([])
  })

  it('that only the user can solve are thrown by poll(); the next one continues', async () => {
    const { consumer, read, failure } = await serve([{ log: [batchAt(0, ['a'])], errors: ['TOPIC_AUTHORIZATION_FAILED'] }])
    consumer.assign([{ ...partition(0), offset: 0 }])
    expect((await failure())!.error).toBe('TOPIC_AUTHORIZATION_FAILED')
    expect(await read(1)).toEqual(['a'])
  })

  it('in a batch are thrown with its place after the records before it; an intact batch is read later', async () => {
    const good = batchAt(2, ['c'])
    const broken = Buffer.from(good)
    broken[broken.length - 1]! ^= 1
    const served: Served = { log: [batchAt(0, ['a', 'b']), broken] }
    const { consumer, read, failure } = await serve([served], { maxPollRecords: 2 })
    consumer.assign([{ ...partition(0), offset: 0 }])
    expect(await read(2)).toEqual(['a', 'b'])
    expect(await failure()).toMatchObject({ error: 'CORRUPT_MESSAGE', message: expect.stringContaining('t-0 near offset 2') })
    served.log[1] = good
    expect(await until(async () => (await consumer.poll(100).catch(() => []))[0], 'the whole batch')).toMatchObject({ nextOffset: 3 })
    expect(good[at.magic]).toBe(2)
  })

  it('in a batch lose no records of other partitions, nor of batches before it', async () => {
    const broken = batchAt(2, ['c'])
    broken[broken.length - 1]! ^= 1
    const { consumer } = await serve([
      { log: [batchAt(0, ['p0 a', 'p0 b'])] },
      { log: [batchAt(0, ['p1 a', 'p1 b']), broken] },
      { log: [batchAt(0, ['p2 a', 'p2 b'])] },
    ])
    consumer.assign([0, 1, 2].map((index) => ({ ...partition(index), offset: 0 })))
    const values: string[] = []
    let failures = 0
    await until(async () => {
      try {
        for (const batch of await consumer.poll(100)) values.push(...batch.records.map((entry) => entry.value!.toString()))
      } catch {
        failures++
      }
      return failures > 2
    }, 'the corrupt batch three times')
    expect(values.sort()).toEqual(['p0 a', 'p0 b', 'p1 a', 'p1 b', 'p2 a', 'p2 b'])
    expect(consumer.position(partition(1))).toBe(2)
  })

  it('a topic that does not exist is requested again after a back-off', async () => {
    const broker = await fakeBroker()
    const client = createClient({ bootstrapServers: broker.address, clientId: 'test', retryBackoffMs: 1, retryBackoffMaxMs: 5 }, system)
    open.push(client, broker)
    broker.on(fetchApi, () => 'silence')
    client.consumer().assign([{ ...partition(0), offset: 0 }])
    await until(() => broker.requests.filter((name) => name === metadata.name).length >= 6, 'six requests')
    expect(broker.requests).not.toContain(fetchApi.name)
  })

  it('come before the records after them, and are thrown once', async () => {
    const served: Served = { log: [batchAt(0, ['a'])], errors: ['OFFSET_OUT_OF_RANGE'] }
    const { consumer, fetched, read, failure } = await serve([served], { autoOffsetReset: 'none' })
    consumer.assign([{ ...partition(0), offset: 0 }])
    await until(() => served.errors!.length === 0, 'an error without a poll')
    expect((await failure())!.error).toBe('OFFSET_OUT_OF_RANGE')
    expect(fetched).toHaveLength(1)
    expect(await read(1)).toEqual(['a'])
  })

  it('that a seek has solved are not thrown', async () => {
    const served: Served = { log: [batchAt(0, ['a'])], errors: ['OFFSET_OUT_OF_RANGE'] }
    const { consumer } = await serve([served], { autoOffsetReset: 'none' })
    consumer.assign([{ ...partition(0), offset: 77 }])
    await until(() => served.errors!.length === 0, 'an error without a poll')
    consumer.seek(partition(0), 0)
    const batches = await consumer.poll(10_000)
    expect(batches.flatMap(({ records }) => records.map(({ value }) => value!.toString()))).toEqual(['a'])
  })

  describe('of a log that was truncated (KIP-320)', () => {
    /** Ten records in epoch 3 are read; then a leader of epoch 5 has only six of them, and two others. */
    async function truncated(settings: ConsumerSettings) {
      const served: Served = { log: [batchAt(0, range(0, 10), 3)], leaderEpoch: 3 }
      const story = await serve([served], settings)
      story.broker.on(offsetForLeaderEpoch, () => ({
        throttleTimeMs: 0,
        topics: [{ topic: 't', partitions: [{ errorCode: 0, partition: 0, leaderEpoch: 3, endOffset: 6 }] }],
      }))
      story.consumer.assign([{ ...partition(0), offset: 0 }])
      // The client requests the broker's versions when it connects.
      story.broker.hangUp()
      await story.read(10)
      served.log = [batchAt(0, range(0, 6), 3), batchAt(6, ['new 6', 'new 7'], 5)]
      served.leaderEpoch = 5
      await story.client.topic('t', { refresh: true })
      return story
    }

    it('do not occur where there is a reset policy: it is read on from where it ends', async () => {
      const { read } = await truncated({})
      expect(await read(2)).toEqual(['new 6', 'new 7'])
    })

    it('are thrown where auto.offset.reset is none; the next poll() reads on', async () => {
      const { read, failure } = await truncated({ autoOffsetReset: 'none' })
      expect(await failure()).toMatchObject({
        error: 'OFFSET_OUT_OF_RANGE',
        message: 't-0 was truncated to offset 6, the position was 10',
      })
      expect(await read(2)).toEqual(['new 6', 'new 7'])
    })

    it('do not keep other partitions from being read while the new leader of one refuses the epoch', async () => {
      const served: Served[] = [0, 1].map(() => ({ log: [batchAt(0, ['old'], 3)], leaderEpoch: 3 }))
      const { broker, client, consumer, read } = await serve(served)
      let refused = 0
      let refusing = true
      broker.on(offsetForLeaderEpoch, ({ topics }: { topics: { partitions: { partition: number }[] }[] }) => {
        const indexes = topics[0]!.partitions.map((entry) => entry.partition)
        if (indexes.includes(0)) refused++
        const partitions = indexes.map((index) => ({
          errorCode: index === 0 && refusing ? errorCode('FENCED_LEADER_EPOCH') : 0,
          partition: index,
          leaderEpoch: 3,
          endOffset: 1,
        }))
        return { throttleTimeMs: 0, topics: [{ topic: 't', partitions }] }
      })
      consumer.assign([0, 1].map((index) => ({ ...partition(index), offset: 0 })))
      // The client requests the broker's versions when it connects.
      broker.hangUp()
      await read(2)
      for (const one of served) one.leaderEpoch = 5
      await client.topic('t', { refresh: true })
      await until(() => refused > 1, 'the epoch is refused')
      for (const one of served) one.log.push(batchAt(1, ['new'], 5))
      expect(await read(1)).toEqual(['new'])
      expect(refused).toBeLessThan(1_000)
      refusing = false
      expect(await read(1)).toEqual(['new'])
    })
  })
})

describe('commits', () => {
  it('keep their order, also where one is retried', async () => {
    const { client, broker } = await serve([{ log: [] }])
    const stored: number[] = []
    let errors = 1
    broker.on(findCoordinator, () => ({
      throttleTimeMs: 0,
      coordinators: [{ key: 'g', nodeId: 1, host: '127.0.0.1', port: broker.port, errorCode: 0, errorMessage: null }],
    }))
    broker.on(offsetCommit, (request: { topics: { partitions: { committedOffset: number }[] }[] }) => {
      const { committedOffset } = request.topics[0]!.partitions[0]!
      const refused = errors-- > 0
      if (!refused) stored.push(committedOffset)
      const error = errorCode(refused ? 'COORDINATOR_LOAD_IN_PROGRESS' : 'NONE')
      return { throttleTimeMs: 0, topics: [{ name: 't', partitions: [{ partitionIndex: 0, errorCode: error }] }] }
    })
    const consumer = client.consumer({ groupId: 'g' })
    consumer.assign([{ ...partition(0), offset: 0 }])
    await Promise.all([10, 20, 30].map((offset) => consumer.commit([{ ...partition(0), offset }])))
    expect(stored).toEqual([10, 20, 30])
  })
})

describe('a call that is not allowed', () => {
  it('throws at once', async () => {
    const { client, consumer } = await serve([{ log: [] }])
    expect(() => consumer.subscribe(['t'])).toThrow(/group\.id/)
    expect(() => consumer.seek(partition(5), 0)).toThrow(/not assigned/)
    expect(() => client.consumer({ partitionAssignors: ['fair'] })).toThrow(
      /the assignors are cooperative-sticky, range, roundrobin, sticky/,
    )
    await consumer.close()
    await expect(consumer.poll(1)).rejects.toThrow(/closed/)
    await consumer.close()
  })
})
