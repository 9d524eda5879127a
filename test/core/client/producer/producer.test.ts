/**
 * Goal: whatever faults there are, records that send() reports as delivered are in the log once and in order (Invariant 5), all others are
 * reported as failed, and memory, requests and batches keep to their bounds. Method: a fake broker that keeps a log by the rules of
 * idempotence and has faults by a seeded plan (lost requests, lost responses, errors); and tests of single faults.
 */
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import produce from '../../../../core/apis/00-produce.ts'
import metadata from '../../../../core/apis/03-metadata.ts'
import initProducerId from '../../../../core/apis/22-init-producer-id.ts'
import { type Client, createClient, type Producer, type SendFailure } from '../../../../core/client/index.ts'
import { partitionOf } from '../../../../core/client/producer/murmur2.ts'
import { type ErrorName, errorCode } from '../../../../core/errors.ts'
import { realClock } from '../../../../core/system/clock.ts'
import { silentLogger } from '../../../../core/system/logger.ts'
import { realRandom } from '../../../../core/system/random.ts'
import { readBatchHeader } from '../../../../core/wire/batch-header.ts'
import { decodeRecords } from '../../../../core/wire/record-batch.ts'
import { randomFrom } from '../../../random.ts'
import { type FakeBroker, fakeBroker, topicId } from '../fake-broker.ts'

const system = { clock: realClock, random: realRandom, logger: silentLogger }
const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const part of open.splice(0)) await part.close()
})

type Plan = ErrorName | 'ok' | 'lose the request' | 'lose the response'

/** A log that appends batches as a partition's leader does. */
class PartitionModel {
  readonly values: string[] = []
  readonly #recent: { epoch: number; first: number; last: number; offset: number }[] = []

  append(batch: Buffer): { errorCode: number; baseOffset: number } {
    const header = readBatchHeader(batch)
    const refuse = (name: ErrorName) => ({ errorCode: errorCode(name), baseOffset: -1 })
    if (header.producerId >= 0) {
      const last = header.baseSequence + header.count - 1
      const known = this.#recent.filter((entry) => entry.epoch === header.producerEpoch)
      const same = known.find((entry) => entry.first === header.baseSequence && entry.last === last)
      if (same) return { errorCode: 0, baseOffset: same.offset }
      const newest = this.#recent.at(-1)
      if (newest && header.producerEpoch < newest.epoch) return refuse('INVALID_PRODUCER_EPOCH')
      const expected = newest?.epoch === header.producerEpoch ? newest.last + 1 : 0
      // A partition that knows nothing of a producer takes any sequence number, as in Kafka.
      if (newest && header.baseSequence !== expected) return refuse('OUT_OF_ORDER_SEQUENCE_NUMBER')
      this.#recent.push({ epoch: header.producerEpoch, first: header.baseSequence, last, offset: this.values.length })
      if (this.#recent.length > 5) this.#recent.shift()
    }
    const baseOffset = this.values.length
    for (const { value } of decodeRecords(batch)) this.values.push(value!.toString())
    return { errorCode: 0, baseOffset }
  }
}

async function cluster(
  partitions: number,
  next: () => Plan,
  maxBatchBytes = Number.POSITIVE_INFINITY,
  topics: Readonly<Record<string, number>> = { t: partitions },
) {
  const broker = await fakeBroker(topics)
  const logs = Array.from({ length: partitions }, () => new PartitionModel())
  const refusedBytes: number[] = []
  broker.on(produce, (request: { acks: number; topicData: { partitionData: { index: number; records: Buffer }[] }[] }) => {
    const plan = next()
    if (plan === 'lose the request') return 'hang up'
    const partitionResponses = request.topicData[0]!.partitionData.map(({ index, records }) => {
      if (plan !== 'ok' && plan !== 'lose the response') return { index, errorCode: errorCode(plan), baseOffset: -1 }
      if (records.length > maxBatchBytes) {
        refusedBytes.push(records.length)
        return { index, errorCode: errorCode('MESSAGE_TOO_LARGE'), baseOffset: -1 }
      }
      return { index, ...logs[index]!.append(records) }
    })
    if (plan === 'lose the response') return 'hang up'
    if (request.acks === 0) return 'silence'
    return { responses: [{ name: 't', topicId: topicId('t'), partitionResponses }], throttleTimeMs: 0 }
  })
  const client = createClient(
    {
      bootstrapServers: broker.address,
      clientId: 'test',
      retryBackoffMs: 1,
      retryBackoffMaxMs: 4,
      reconnectBackoffMs: 1,
      reconnectBackoffMaxMs: 4,
    },
    system,
  )
  open.push(client, broker)
  return { broker, client, logs, refusedBytes }
}

const value = (text: string) => ({ topic: 't', key: null, value: Buffer.from(text) })

async function shut(broker: FakeBroker, client: Client): Promise<void> {
  open.length = 0
  await client.close()
  await broker.close()
}

describe('through every retriable fault', () => {
  const overtaken: [Plan[], number, number[]] = [
    ['lose the response', 'NOT_LEADER_FOR_PARTITION', 'NOT_ENOUGH_REPLICAS', 'ok', 'ok', 'ok', 'ok', 'lose the response'],
    1,
    [19],
  ]
  it('each record is stored once and in order, at the offset that send() reports', async () => {
    const plan = fc.constantFrom<Plan>(
      'ok',
      'ok',
      'ok',
      'lose the request',
      'lose the response',
      'NOT_LEADER_FOR_PARTITION',
      'NOT_ENOUGH_REPLICAS',
      'REQUEST_TIMED_OUT',
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(plan, { maxLength: 60 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 25 }),
        async (plans, partitions, sizes) => {
          const left = [...plans]
          const { broker, client, logs } = await cluster(partitions, () => left.shift() ?? 'ok')
          const producer = client.producer({ batchSize: 120, lingerMs: 0, deliveryTimeoutMs: 20_000, requestTimeoutMs: 5_000 })
          const expected = Array.from({ length: partitions }, () => [] as string[])
          let n = 0
          const sends = sizes.map((size) => {
            const records = Array.from({ length: size }, () => {
              const partition = n % partitions
              const text = `r${n++}`
              expected[partition]!.push(text)
              return { ...value(text), partition }
            })
            return producer.send(records).then((result) => ({ result, records }))
          })
          for (const { result, records } of await Promise.all(sends)) {
            expect(result.failures).toBe(null)
            records.forEach((record, index) => {
              const { partition, offset } = result.at(index)
              expect(logs[partition]!.values[offset]).toBe(record.value.toString())
            })
          }
          expect(logs.map((log) => log.values)).toEqual(expected)
          expect(producer.pendingBytes).toBe(0)
          await shut(broker, client)
        },
      ),
      // A repeated batch behind five newer ones was unknown to the broker, and was stored again under another epoch.
      { numRuns: 40, interruptAfterTimeLimit: 15_000, examples: Array.from({ length: 8 }, () => overtaken) },
    )
  })
})

describe('the memory of batches', () => {
  it('is not used again before the last request that has it', async () => {
    const random = randomFrom(7)
    const faults: Plan[] = ['ok', 'ok', 'ok', 'lose the response', 'NOT_ENOUGH_REPLICAS', 'lose the request']
    for (const compressionType of ['none', 'lz4'] as const) {
      let left = 40
      const { broker, client, logs } = await cluster(2, () => (left-- > 0 ? faults[Math.floor(random() * faults.length)]! : 'ok'))
      const producer = client.producer({ batchSize: 16 * 1024, lingerMs: 0, compressionType, deliveryTimeoutMs: 60_000 })
      const expected: [string[], string[]] = [[], []]
      for (let round = 0; round < 12; round++) {
        const sends = Array.from({ length: 4 }, (_, call) => {
          const partition = call % 2
          const texts = Array.from({ length: 20 }, (_, index) => `${round}.${call}.${index} `.padEnd(500 + 150 * index, `${call}${index}`))
          expected[partition]!.push(...texts)
          return producer.send(texts.map((text) => ({ ...value(text), partition })))
        })
        await Promise.all(sends)
      }
      expect(logs.map((log) => log.values)).toEqual(expected)
      await shut(broker, client)
    }
  })
})

describe('the producer', () => {
  it('continues under a new epoch after a batch that has failed for good', async () => {
    let n = 0
    const { client, logs } = await cluster(1, () => (++n === 2 ? 'INVALID_RECORD' : 'ok'))
    const producer = client.producer({ lingerMs: 0, batchSize: 1 })
    const results = await Promise.allSettled(['a', 'b', 'c', 'd'].map((text) => producer.send([value(text)])))
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
    expect((results[1] as { reason: SendFailure }).reason.error).toBe('INVALID_RECORD')
    expect(logs[0]!.values).toEqual(['a', 'c', 'd'])
  })

  it('requests another producer id when the broker knows its id under a higher epoch', async () => {
    let n = 0
    const { client, broker, logs } = await cluster(1, () => (++n === 1 ? 'INVALID_PRODUCER_EPOCH' : 'ok'))
    await client.producer().send([value('a'), value('b')])
    expect(logs[0]!.values).toEqual(['a', 'b'])
    expect(broker.requests.filter((name) => name === initProducerId.name)).toHaveLength(2)
  })

  it('splits a batch that the broker finds too large until the halves are small enough', async () => {
    const { client, logs } = await cluster(1, () => 'ok', 400)
    const texts = Array.from({ length: 100 }, (_, index) => `${index}`.padStart(20, '0'))
    const result = await client.producer().send(texts.map(value))
    expect(logs[0]!.values).toEqual(texts)
    expect(texts.map((_, index) => result.at(index).offset)).toEqual(texts.map((_, index) => index))
  })

  it('fails the record that is too large for any request, and delivers the others', async () => {
    const { client, logs } = await cluster(1, () => 'ok')
    const error: SendFailure = await client
      .producer({ maxRequestSize: 5_000 })
      .send([value('a'), value('x'.repeat(6_000)), value('b')])
      .then(
        () => Promise.reject(new Error('the record was sent')),
        (failure) => failure,
      )
    expect(error.error).toBe('MESSAGE_TOO_LARGE')
    expect([...error.result.failures!.keys()]).toEqual([1])
    expect([error.result.at(0).offset, error.result.at(2).offset]).toEqual([0, 1])
    expect(logs[0]!.values).toEqual(['a', 'b'])
  })

  it('keeps the order where the first batch of a partition is too large for the topic, and so is its first half', async () => {
    const { client, logs } = await cluster(1, () => 'ok', 5_000)
    const sent = client.producer().send([value('a'), value('x'.repeat(6_000)), value('b')])
    await expect(sent).rejects.toMatchObject({ error: 'MESSAGE_TOO_LARGE' })
    expect(logs[0]!.values).toEqual(['a', 'b'])
  })

  it('sends smaller batches to a partition after one was too large for its topic', async () => {
    const { client, logs, refusedBytes } = await cluster(1, () => 'ok', 40_000)
    const producer = client.producer()
    const values = Array.from({ length: 60 }, (_, index) => value(`${index} `.padEnd(1_000, 'x')))
    for (let send = 0; send < 5; send++) await producer.send(values)
    expect(refusedBytes).toHaveLength(1)
    expect(logs[0]!.values).toHaveLength(300)
  })

  it('sends nothing after a record that it refuses where the caller wants to know of it', async () => {
    const { client, logs } = await cluster(1, () => 'ok')
    const refused: Error[] = []
    const sent = client.producer({ maxRequestSize: 5_000 }).send([value('a'), value('x'.repeat(6_000)), value('b')], {
      onRefused: (error) => void refused.push(error),
    })
    const error: SendFailure = await sent.then(
      () => Promise.reject(new Error('the record was sent')),
      (failure) => failure,
    )
    expect([...error.result.failures!.keys()]).toEqual([1, 2])
    expect(refused).toMatchObject([{ error: 'MESSAGE_TOO_LARGE' }])
    expect(logs[0]!.values).toEqual(['a'])
  })

  it('fails what cannot be delivered in time, and delivers later records', async () => {
    let unavailable = true
    const { client, logs } = await cluster(1, () => (unavailable ? 'NOT_ENOUGH_REPLICAS' : 'ok'))
    const producer = client.producer({ deliveryTimeoutMs: 150 })
    await expect(producer.send([value('late')])).rejects.toMatchObject({ error: 'REQUEST_TIMED_OUT' })
    unavailable = false
    await producer.send([value('a')])
    expect(logs[0]!.values).toEqual(['a'])
  })

  it('fails in time what waits for another producer id', async () => {
    const { client, broker } = await cluster(1, () => 'INVALID_PRODUCER_EPOCH')
    let requests = 0
    broker.on(initProducerId, () =>
      requests++ === 0
        ? { throttleTimeMs: 0, errorCode: 0, producerId: 1, producerEpoch: 0 }
        : { throttleTimeMs: 0, errorCode: errorCode('COORDINATOR_LOAD_IN_PROGRESS'), producerId: -1, producerEpoch: -1 },
    )
    const producer = client.producer({ deliveryTimeoutMs: 300 })
    await expect(producer.send([value('late')])).rejects.toMatchObject({ error: 'REQUEST_TIMED_OUT' })
    expect(requests).toBeGreaterThan(1)
  })

  it('sends keys to their partitions in a topic that was created again with fewer of them', async () => {
    const topics: Record<string, number> = { t: 8 }
    const { client, broker, logs } = await cluster(8, () => 'ok', Number.POSITIVE_INFINITY, topics)
    const producer = client.producer({ deliveryTimeoutMs: 5_000 })
    const keyed = Array.from({ length: 40 }, (_, index) => ({ ...value(`${index}`), key: Buffer.from(`key ${index}`) }))
    await producer.send(keyed)
    topics.t = 3
    await client.topic('t', { refresh: true })
    const result = await producer.send(keyed)
    expect(keyed.map((_, index) => result.at(index).partition)).toEqual(keyed.map(({ key }) => partitionOf(key, 3)))
    expect(logs.slice(3).flatMap((log) => log.values).length).toBeLessThan(40)
    expect(broker.requests).toContain(produce.name)
  })

  it('fails at once where the name of the topic is not allowed', async () => {
    const { client, broker } = await cluster(1, () => 'ok')
    broker.on(metadata, () => ({
      throttleTimeMs: 0,
      brokers: [{ nodeId: 1, host: '127.0.0.1', port: broker.port, rack: null }],
      clusterId: 'fake',
      controllerId: 1,
      topics: [{ errorCode: errorCode('INVALID_TOPIC_EXCEPTION'), name: 'no name', topicId: topicId(''), partitions: [] }],
      errorCode: 0,
    }))
    await expect(client.producer().send([{ ...value('a'), topic: 'no name' }])).rejects.toMatchObject({ error: 'INVALID_TOPIC_EXCEPTION' })
  })

  it('waits while the buffer memory is full, and delivers everything in the end', async () => {
    let most = 0
    let requests = 0
    const { client, logs } = await cluster(1, () => {
      requests++
      most = Math.max(most, producer.pendingBytes)
      return 'ok'
    })
    const producer: Producer = client.producer({ bufferMemory: 2_000, batchSize: 500 })
    const texts = Array.from({ length: 2_000 }, (_, index) => `record ${index}`)
    await Promise.all([producer.send(texts.slice(0, 1_000).map(value)), producer.send(texts.slice(1_000).map(value))])
    expect(logs[0]!.values).toEqual(texts)
    expect(requests).toBeGreaterThan(20)
    expect(most).toBeGreaterThan(1_500)
    expect(most).toBeLessThan(2_600)
  })

  it('has no offsets with acks=0', async () => {
    const { client, logs } = await cluster(1, () => 'ok')
    const producer = client.producer({ acks: 0 })
    const result = await producer.send([value('a')])
    expect(result.at(0).offset).toBe(-1)
    await expect.poll(() => logs[0]!.values).toEqual(['a'])
  })

  it('fails records for topics and partitions that do not exist', async () => {
    const { client, logs } = await cluster(1, () => 'ok')
    const impatient = createClient(
      { bootstrapServers: (await cluster(1, () => 'ok')).broker.address, clientId: 'test', requestTimeoutMs: 200 },
      system,
    )
    open.unshift(impatient)
    await expect(impatient.producer().send([{ ...value('a'), topic: 'nowhere' }])).rejects.toMatchObject({
      error: 'UNKNOWN_TOPIC_OR_PARTITION',
    })
    await expect(client.producer().send([{ ...value('a'), partition: 7 }, value('b')])).rejects.toThrow(/none is 7/)
    expect(logs[0]!.values).toEqual(['b'])
  })

  it('delivers on close what was sent before, and refuses later calls', async () => {
    const { client, logs } = await cluster(1, () => 'ok')
    const producer = client.producer({ lingerMs: 10_000 })
    const sent = producer.send([value('a')])
    await producer.close()
    await sent
    expect(logs[0]!.values).toEqual(['a'])
    await expect(producer.send([value('b')])).rejects.toThrow(/closed/)
  })

  it('distributes records without a key over the partitions, a batch at a time', async () => {
    const { client, logs } = await cluster(4, () => 'ok')
    await client.producer({ batchSize: 300 }).send(Array.from({ length: 2_000 }, (_, index) => value(`${index}`)))
    for (const log of logs) expect(log.values.length).toBeGreaterThan(100)
  })

  it('refuses settings that break idempotence', async () => {
    const { client } = await cluster(1, () => 'ok')
    expect(() => client.producer({ enableIdempotence: true, acks: 1 })).toThrow(/acks=all/)
    expect(() => client.producer({ enableIdempotence: true, maxInFlight: 6 })).toThrow(/at most 5/)
  })
})
