/**
 * Goal: client quotas can be altered as on Apache Kafka, and slow the same clients down by the same times. Method: the same requests to
 * both brokers; answers are compared to the letter, throttle times with a tolerance, because both brokers measure time.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import produce from '../../core/apis/00-produce.ts'
import fetch from '../../core/apis/01-fetch.ts'
import metadata from '../../core/apis/03-metadata.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import deleteTopics from '../../core/apis/20-delete-topics.ts'
import createPartitions from '../../core/apis/37-create-partitions.ts'
import describeQuotas from '../../core/apis/48-describe-client-quotas.ts'
import alterQuotas from '../../core/apis/49-alter-client-quotas.ts'
import { encodeBatch } from '../../core/wire/record-batch.ts'
import { ZERO_UUID } from '../../core/wire/types.ts'
import { type RawClient, rawClient } from '../raw-client.ts'
import { startTestBroker } from '../running-broker.ts'
import { until } from '../until.ts'
import { kafkaTool, startApacheKafka } from './apache-kafka.ts'

interface Side {
  readonly name: 'kafka' | 'ours'
  readonly address: string
  readonly port: number
  stop(): Promise<void>
}
type Parts = Readonly<Record<string, string | null>>
type Quotas = Readonly<Record<string, number | null>>

let sides: Side[]
beforeAll(async () => {
  // Kafka acknowledges what is in the page cache: with fsync ours would be slower for another reason.
  const settings = { 'auto.create.topics.enable': 'true', 'offsets.topic.num.partitions': 1 }
  sides = [
    { name: 'kafka', ...(await startApacheKafka(settings)) },
    { name: 'ours', ...(await startTestBroker({ ...settings, 'log.flush': 'os' })) },
  ]
}, 120_000)
afterAll(async () => {
  for (const side of sides ?? []) await side.stop()
})

/** The results of the same steps on both, at the same time: Kafka's first. */
const both = <T>(steps: (side: Side) => Promise<T>): Promise<[T, T]> => Promise.all([steps(sides[0]!), steps(sides[1]!)])

async function connected<T>({ port }: Side, use: (client: RawClient) => Promise<T>): Promise<T> {
  const client = await rawClient(port)
  try {
    return await use(client)
  } finally {
    client.close()
  }
}

const entityOf = (parts: Parts) => Object.entries(parts).map(([entityType, entityName]) => ({ entityType, entityName }))
const entry = (parts: Parts, quotas: Quotas) => ({
  entity: entityOf(parts),
  ops: Object.entries(quotas).map(([key, value]) => ({ key, value: value ?? 0, remove: value === null })),
})

type Sortable = { entity: { entityType: string; entityName: string | null }[] }
/** Both use tables without an order. */
const sorted = <T extends Sortable>(entries: readonly T[] | null) =>
  (entries ?? [])
    .map((each) => ({ ...each, entity: [...each.entity].sort((a, b) => a.entityType.localeCompare(b.entityType)) }))
    .sort((a, b) => JSON.stringify(a.entity).localeCompare(JSON.stringify(b.entity)))

const alter = (side: Side, entries: ReturnType<typeof entry>[], validateOnly = false) =>
  connected(side, async (client) => sorted((await client.send(alterQuotas, 1, { entries, validateOnly })).entries))

const described = (side: Side) =>
  connected(side, async (client) => {
    const { entries } = await client.send(describeQuotas, 1, { components: [], strict: false })
    return sorted(entries).map((each) => ({ ...each, values: [...each.values].sort((a, b) => a.key.localeCompare(b.key)) }))
  })

/** Sets quotas on both, and waits until clients would feel them: Kafka's broker learns of them from its controller. */
async function setQuotas(parts: Parts, quotas: Quotas): Promise<void> {
  const outcomes = await both(async (side) => {
    const outcome = await alter(side, [entry(parts, quotas)])
    const has = (found: Awaited<ReturnType<typeof described>>) => {
      const values =
        found.find(({ entity }) => JSON.stringify(entity) === JSON.stringify(sorted([entry(parts, {})])[0]!.entity))?.values ?? []
      return Object.entries(quotas).every(([key, value]) => (values.find((each) => each.key === key)?.value ?? null) === value)
    }
    await until(async () => has(await described(side)), `on ${side.name} ${JSON.stringify(parts)} has its quotas`, PATIENT_MS)
    return outcome.map(({ errorCode, errorMessage }) => ({ errorCode, errorMessage }))
  })
  expect(outcomes).toEqual([[{ errorCode: 0, errorMessage: null }], [{ errorCode: 0, errorMessage: null }]])
}

const timeoutMs = 30_000
/** Kafka on a busy machine. */
const PATIENT_MS = 40_000
const batchOf = (bytes: number) => encodeBatch([{ key: null, value: Buffer.alloc(bytes, 1), timestamp: 1 }])
/** Ours is Kafka's within the time that a slow machine may lose. */
const near = (kafka: number, ours: number, toleranceMs = 1500) =>
  expect(Math.abs(kafka - ours), `Kafka ${kafka} ms, ours ${ours} ms`).toBeLessThanOrEqual(Math.max(toleranceMs, kafka * 0.15))

describe('AlterClientQuotas', () => {
  test.each<[string, ReturnType<typeof entry>[], boolean?]>([
    ['a user', [entry({ user: 'alice' }, { producer_byte_rate: 1000, consumer_byte_rate: 2000 })]],
    ['a default', [entry({ user: null, 'client-id': null }, { request_percentage: 12.5 })]],
    ['only validated', [entry({ user: 'bob' }, { producer_byte_rate: 1 })], true],
    ['an address', [entry({ ip: '127.9.9.9' }, { connection_creation_rate: 100_000 })]],
    ['a removal', [entry({ user: 'alice' }, { producer_byte_rate: null })]],
    ['a removal of nothing', [entry({ user: 'nobody' }, { producer_byte_rate: null, nonsense: null })]],
    ['nothing', []],
    ['no quotas', [entry({ user: 'carol' }, {})]],
    ['an empty entity', [entry({}, { producer_byte_rate: 1 })]],
    ['an empty name', [entry({ 'client-id': '' }, { producer_byte_rate: 1 })]],
    ['an unknown type', [entry({ group: 'g' }, { producer_byte_rate: 1 })]],
    ['an unknown key', [entry({ user: 'a' }, { nonsense: 1 })]],
    ['a key of addresses', [entry({ user: 'a' }, { connection_creation_rate: 1 })]],
    ['a key of users', [entry({ ip: null }, { producer_byte_rate: 1 })]],
    ['an address and a user', [entry({ ip: '127.0.0.1', user: 'a' }, { connection_creation_rate: 1 })]],
    ['no address', [entry({ ip: 'a..b' }, { connection_creation_rate: 1 })]],
    ['zero', [entry({ user: 'a' }, { producer_byte_rate: 0 })]],
    ['less than zero', [entry({ user: 'a' }, { request_percentage: -1 })]],
    ['a fraction of a byte', [entry({ user: 'a' }, { producer_byte_rate: 1.5 })]],
    ['too large a long', [entry({ user: 'a' }, { consumer_byte_rate: 1e19 })]],
    ['too large an int', [entry({ ip: null }, { connection_creation_rate: 2 ** 31 })]],
    ['a rate that is no number', [entry({ user: 'nan' }, { producer_byte_rate: Number.NaN, controller_mutation_rate: Number.NaN })]],
    ['an infinite rate of bytes', [entry({ user: 'infinite' }, { consumer_byte_rate: Number.POSITIVE_INFINITY })]],
    ['infinite percents', [entry({ user: 'infinite' }, { request_percentage: Number.POSITIVE_INFINITY })]],
    ['less than infinity', [entry({ user: 'infinite' }, { request_percentage: Number.NEGATIVE_INFINITY })]],
    ['nearly no byte', [entry({ user: 'tiny' }, { producer_byte_rate: 1e-7, controller_mutation_rate: 5e-324 })]],
    ['half a byte', [entry({ user: 'tiny' }, { consumer_byte_rate: 0.5 })]],
    ['a good and a bad one', [entry({ user: 'a' }, { producer_byte_rate: 5 }), entry({ user: 'b' }, { producer_byte_rate: -5 })]],
    ['one good and one bad key', [entry({ user: 'c' }, { producer_byte_rate: 5, consumer_byte_rate: -5 })]],
    [
      'an entity twice',
      [
        entry({ user: 'd', 'client-id': 'e' }, { producer_byte_rate: 5 }),
        entry({ 'client-id': 'e', user: 'd' }, { producer_byte_rate: 6 }),
      ],
    ],
    [
      'a key twice',
      [{ entity: entityOf({ user: 'f' }), ops: [1, 2].map((value) => ({ key: 'producer_byte_rate', value, remove: false })) }],
    ],
  ])('%s', async (_, entries, validateOnly = false) => {
    const [kafka, ours] = await both((side) => alter(side, entries, validateOnly))
    expect(ours).toEqual(kafka)
  })

  test('afterwards both have the same quotas', async () => {
    const [kafka, ours] = await both(described)
    expect(kafka.length).toBeGreaterThan(4)
    expect(ours).toEqual(kafka)
  })

  test('kafka-configs alters and describes users, clients and addresses', async () => {
    const [kafka, ours] = await both(async ({ address }) => {
      const outputs: string[] = []
      const run = async (...args: string[]) => outputs.push(await kafkaTool(['kafka-configs', '--bootstrap-server', address, ...args]))
      await run(
        '--alter',
        '--entity-type',
        'users',
        '--entity-name',
        'tool user*',
        '--add-config',
        'producer_byte_rate=1024,request_percentage=50',
      )
      await run('--alter', '--entity-type', 'clients', '--entity-default', '--add-config', 'consumer_byte_rate=1000000000')
      await run('--alter', '--entity-type', 'ips', '--entity-name', '127.8.8.8', '--add-config', 'connection_creation_rate=20000')
      for (const type of ['users', 'clients', 'ips']) await run('--describe', '--entity-type', type)
      await run('--alter', '--entity-type', 'clients', '--entity-default', '--delete-config', 'consumer_byte_rate')
      return outputs.map((output) => output.split('\n').sort())
    })
    expect(ours).toEqual(kafka)
  }, 180_000)
})

describe('controller_mutation_rate', () => {
  const RATE = 2
  /** The partitions of eleven windows at once; what comes on top is paid for by half a minute. */
  const MORE_THAN_BURST = RATE * 11 + RATE * 30

  interface Seen {
    readonly throttleTimeMs: number
    readonly errors: { readonly errorCode: number; readonly errorMessage: string | null }[]
  }

  const seen = (throttleTimeMs: number, results: readonly Seen['errors'][number][]): Seen => ({
    throttleTimeMs,
    errors: results.map(({ errorCode, errorMessage }) => ({ errorCode, errorMessage })),
  })
  /** Each with a connection of its own: that of a client over its quota is muted. */
  const create = (side: Side, version: number, name: string, numPartitions: number, clientId: string, validateOnly = false) =>
    connected(side, async (client) => {
      const topics = [{ name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }]
      const { throttleTimeMs, topics: results } = await client.send(createTopics, version, { topics, timeoutMs, validateOnly }, clientId)
      return seen(throttleTimeMs, results)
    })
  const extend = (side: Side, version: number, name: string, count: number, clientId: string) =>
    connected(side, async (client) => {
      const request = { topics: [{ name, count, assignments: null }], timeoutMs, validateOnly: false }
      const { throttleTimeMs, results } = await client.send(createPartitions, version, request, clientId)
      return seen(throttleTimeMs, results)
    })
  const remove = (side: Side, version: number, name: string, clientId: string) =>
    connected(side, async (client) => {
      const request = { topics: [{ name, topicId: ZERO_UUID }], topicNames: [name], timeoutMs }
      const { throttleTimeMs, responses } = await client.send(deleteTopics, version, request, clientId)
      return seen(throttleTimeMs, responses)
    })
  const exists = (side: Side, name: string, clientId: string, allowAutoTopicCreation = false) =>
    connected(side, async (client) => {
      const { topics } = await client.send(metadata, 12, { topics: [{ name, topicId: ZERO_UUID }], allowAutoTopicCreation }, clientId)
      return topics[0]!.errorCode === 0
    })

  test('exhausted, it refuses requests that know the error, and throttles older ones', async () => {
    for (const id of ['strict', 'permissive', 'validating']) await setQuotas({ 'client-id': id }, { controller_mutation_rate: RATE })
    const [kafka, ours] = await both(async (side) => [
      await create(side, 7, 'strict-1', MORE_THAN_BURST, 'strict'),
      await create(side, 7, 'strict-2', 1, 'strict'),
      await extend(side, 3, 'strict-1', MORE_THAN_BURST + 1, 'strict'),
      await remove(side, 6, 'strict-1', 'strict'),
      await create(side, 5, 'older-1', MORE_THAN_BURST, 'permissive'),
      await extend(side, 2, 'older-1', MORE_THAN_BURST + 1, 'permissive'),
      await remove(side, 4, 'older-1', 'permissive'),
      // What is only validated counts.
      await create(side, 7, 'validated', MORE_THAN_BURST, 'validating', true),
      await create(side, 7, 'validated', 1, 'validating', true),
    ])
    expect(ours.map(({ errors }) => errors)).toEqual(kafka.map(({ errors }) => errors))
    expect(kafka.map(({ throttleTimeMs }) => throttleTimeMs > 0)).toEqual([false, true, true, true, true, true, true, false, true])
    for (const [index, { throttleTimeMs }] of ours.entries()) near(kafka[index]!.throttleTimeMs, throttleTimeMs)
  }, 60_000)

  test('a quota that does not pay back within a response is answered, and is no end of the connection', async () => {
    await setQuotas({ 'client-id': 'hopeless' }, { controller_mutation_rate: 1e-7 })
    const [kafka, ours] = await both(async (side) => [
      await create(side, 7, 'hopeless-1', 1, 'hopeless'),
      await create(side, 7, 'hopeless-2', 1, 'hopeless'),
    ])
    expect(ours.map(({ errors }) => errors)).toEqual(kafka.map(({ errors }) => errors))
    // Kafka's throttle time has overflowed.
    expect(ours[0]!.throttleTimeMs).toBe(0)
    near(ours[1]!.throttleTimeMs, 2 ** 31 - 1)
  }, 60_000)

  test('exhausted, a Metadata request creates no topic', async () => {
    for (const id of ['automatic', 'rich']) await setQuotas({ 'client-id': id }, { controller_mutation_rate: id === 'rich' ? 1000 : 0.1 })
    const [kafka, ours] = await both(async (side) => {
      const spent = await create(side, 7, 'automatic-1', 20, 'automatic')
      await exists(side, 'automatic-2', 'automatic', true)
      await until(() => exists(side, 'automatic-3', 'rich', true), 'a client within its quota creates a topic')
      return [spent.errors, await exists(side, 'automatic-2', 'rich')]
    })
    expect(ours).toEqual(kafka)
    expect(ours[1]).toBe(false)
  }, 60_000)
})

describe('byte rates', () => {
  beforeAll(async () => {
    await both((side) =>
      connected(side, async (client) => {
        const topics = [{ name: 'bytes', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }]
        await client.send(createTopics, 7, { topics, timeoutMs, validateOnly: false })
        await until(async () => (await send(client, 100, 'before')).errorCode === 0, 'the topic has a leader')
      }),
    )
  })

  async function send(client: RawClient, bytes: number, clientId: string, { version = 9, partition = 0 } = {}) {
    const topicData = [{ name: 'bytes', topicId: ZERO_UUID, partitionData: [{ index: partition, records: batchOf(bytes) }] }]
    const request = { transactionalId: null, acks: 1, timeoutMs, topicData }
    const { throttleTimeMs, responses } = await client.send(produce, version, request, clientId)
    return { throttleTimeMs, errorCode: responses[0]!.partitionResponses[0]!.errorCode }
  }

  async function read(client: RawClient, maxBytes: number, clientId: string) {
    const partitions = [{ partition: 1, fetchOffset: 0, partitionMaxBytes: maxBytes }]
    const request = { maxWaitMs: 0, minBytes: 1, maxBytes, isolationLevel: 0, topics: [{ topic: 'bytes', topicId: ZERO_UUID, partitions }] }
    const { throttleTimeMs, responses } = await client.send(
      fetch,
      11,
      { ...request, sessionId: 0, sessionEpoch: -1, forgottenTopicsData: [], rackId: '', replicaId: -1 },
      clientId,
    )
    const records = responses.flatMap((topic) => topic.partitions.map((partition) => partition.records?.length ?? 0))
    const errorCode = responses[0]?.partitions[0]?.errorCode ?? 0
    return { throttleTimeMs, errorCode, topics: responses.length, bytes: records.reduce((sum, length) => sum + length, 0) }
  }

  test('a producer over its quota is throttled for the same times, response first', async () => {
    await setQuotas({ 'client-id': 'producer' }, { producer_byte_rate: 100_000 })
    const [kafka, ours] = await both((side) =>
      connected(side, async (client) => {
        const throttleTimes: number[] = []
        const startedAt = performance.now()
        for (let request = 0; request < 14; request++) throttleTimes.push((await send(client, 100_000, 'producer')).throttleTimeMs)
        return { throttleTimes, durationMs: performance.now() - startedAt }
      }),
    )
    const total = (times: readonly number[]) => times.reduce((sum, time) => sum + time, 0)
    expect(total(kafka.throttleTimes)).toBeGreaterThan(2000)
    near(total(kafka.throttleTimes), total(ours.throttleTimes))
    near(kafka.durationMs, ours.durationMs)
    // The last response comes without its wait.
    for (const { throttleTimes, durationMs } of [kafka, ours]) expect(durationMs).toBeGreaterThan(total(throttleTimes.slice(0, -1)) - 50)
  }, 60_000)

  test('an old version of Produce is throttled as well', async () => {
    await setQuotas({ 'client-id': 'old producer' }, { producer_byte_rate: 20_000 })
    const [kafka, ours] = await both((side) => connected(side, (client) => send(client, 250_000, 'old producer', { version: 3 })))
    expect(kafka.throttleTimeMs).toBeGreaterThan(1000)
    near(kafka.throttleTimeMs, ours.throttleTimeMs)
  }, 60_000)

  test('a consumer over its quota gets no records, and the ones it asks for again later', async () => {
    for (const id of ['consumer', 'starving consumer']) await setQuotas({ 'client-id': id }, { consumer_byte_rate: 50_000 })
    const batchBytes = batchOf(90_000).length
    await both((side) =>
      connected(side, async (client) => {
        for (let sent = 0; sent < 12; sent++)
          expect(await send(client, 90_000, 'filler', { partition: 1 })).toEqual({ throttleTimeMs: 0, errorCode: 0 })
      }),
    )
    const [kafka, ours] = await both(async (side) => {
      const results = await connected(side, async (client) => {
        const reads = []
        for (let request = 0; request < 10; request++) reads.push(await read(client, batchBytes, 'consumer'))
        return reads
      })
      // Just so much is over the quota for a moment.
      const largest = () => connected(side, (client) => read(client, 10_000_000, 'starving consumer'))
      const response = await until(
        async () => {
          const response = await largest()
          expect(response.errorCode).toBe(0)
          return response.bytes > 0 ? response : null
        },
        `on ${side.name} the consumer gets records`,
        PATIENT_MS,
      )
      return { results, bytes: response?.bytes ?? 0 }
    })
    const outline = ({ results }: typeof kafka) =>
      results.map(({ errorCode, topics, bytes, throttleTimeMs }) => [errorCode, topics, bytes, throttleTimeMs > 0])
    expect(outline(kafka).some(([, topics, bytes, isThrottled]) => topics === 0 && bytes === 0 && isThrottled)).toBe(true)
    expect(outline(ours)).toEqual(outline(kafka))
    for (const [index, { throttleTimeMs }] of ours.results.entries()) near(kafka.results[index]!.throttleTimeMs, throttleTimeMs)
    // No response is larger than what a whole window allows. Kafka sends a part of the last batch as well.
    expect(kafka.bytes).toBe(500_000)
    expect(ours.bytes).toBe(Math.floor(kafka.bytes / batchBytes) * batchBytes)
  }, 60_000)

  test('of the eight quotas that may apply to a client, the same one does', async () => {
    const levels: Parts[] = [
      { user: 'ANONYMOUS', 'client-id': 'app' },
      { user: 'ANONYMOUS', 'client-id': null },
      { user: 'ANONYMOUS' },
      { user: null, 'client-id': 'app' },
      { user: null, 'client-id': null },
      { user: null },
      { 'client-id': 'app' },
      { 'client-id': null },
    ]
    /** One batch of this size, in a window of ten seconds, is throttled for 10 s, 20 s, … */
    const bytes = 900_000
    const rates = levels.map((_, level) => Math.floor(bytes / (20 + level * 10)))
    for (const [level, parts] of levels.entries()) await setQuotas(parts, { producer_byte_rate: rates[level]! })
    for (const parts of levels) {
      const [kafka, ours] = await both((side) => connected(side, (client) => send(client, bytes, 'app')))
      expect(kafka.throttleTimeMs).toBeGreaterThan(5000)
      near(kafka.throttleTimeMs, ours.throttleTimeMs)
      await setQuotas(parts, { producer_byte_rate: null })
    }
    const [kafka, ours] = await both((side) => connected(side, (client) => send(client, bytes, 'app')))
    expect([kafka.throttleTimeMs, ours.throttleTimeMs]).toEqual([0, 0])
  }, 120_000)
})

test('kafka-producer-perf-test is held to one megabyte a second', async () => {
  await setQuotas({ 'client-id': 'perf' }, { producer_byte_rate: 1_000_000 })
  const records = 14_000
  const megabytesPerSecond = async ({ address }: Side) => {
    const load = ['--topic', 'bytes', '--num-records', `${records}`, '--record-size', '1000', '--throughput', '-1']
    const client = ['--bootstrap-server', address, '--command-property', 'client.id=perf']
    const output = await kafkaTool(['kafka-producer-perf-test', ...load, ...client], undefined, 120_000)
    const [, rate] = /([\d.]+) records\/sec/.exec(output.trim().split('\n').at(-1)!)!
    return Number(rate) / 1000
  }
  // One after the other: two JVMs at once would measure the machine. A window may be used at once, and a burst counts for a whole one.
  for (const side of sides) {
    const rate = await megabytesPerSecond(side)
    expect(rate, side.name).toBeGreaterThan(0.4)
    expect(rate, side.name).toBeLessThan(1.5)
  }
}, 180_000)

test('request_percentage throttles for no longer than a window, and slows down every API', async () => {
  await setQuotas({ user: 'ANONYMOUS', 'client-id': 'busy' }, { request_percentage: 0.0001 })
  const [kafka, ours] = await both(async (side) => {
    const ask = (client: RawClient) => client.send(metadata, 12, { topics: [], allowAutoTopicCreation: false }, 'busy')
    const waits = await connected(side, async (client) => {
      const startedAt = performance.now()
      const { throttleTimeMs } = await ask(client)
      await ask(client)
      return { throttleTimeMs, durationMs: performance.now() - startedAt }
    })
    return waits
  })
  expect([kafka.throttleTimeMs, ours.throttleTimeMs]).toEqual([1000, 1000])
  for (const { durationMs } of [kafka, ours]) expect(durationMs).toBeGreaterThan(950)
}, 60_000)
