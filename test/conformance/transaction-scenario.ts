/**
 * What every transactional client must be able to do with the broker: commit, abort, be fenced by a twin, have a transaction end by its
 * timeout, and commit offsets in the transaction; readers of both isolation levels see what they should. A client is an adapter.
 * TRIBUTARY_TEST_BOOTSTRAP=host:port runs the same against another broker, which must have TRANSACTION_SETTINGS.
 */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import metadata from '../../core/apis/03-metadata.ts'
import offsetFetch from '../../core/apis/09-offset-fetch.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import { errorCode, errorName } from '../../core/errors.ts'
import { seededRandom } from '../random.ts'
import { type RawClient, rawClient } from '../raw-client.ts'
import { startTestBroker, type TestBroker } from '../running-broker.ts'
import { until } from '../until.ts'
import { writeAbortedData } from './aborted-data.ts'

/** A broker that looks for transactions past their timeout, and for logs to compact, often enough for a test. */
export const TRANSACTION_SETTINGS = {
  'transaction.state.log.num.partitions': 3,
  'transaction.state.log.replication.factor': 1,
  'transaction.state.log.min.isr': 1,
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': 200,
  'log.cleaner.backoff.ms': 100,
} as const

export type Isolation = 'read_committed' | 'read_uncommitted'

export interface TransactionReader {
  /** The values it has received, in order. */
  readonly values: readonly string[]
  close(): Promise<void>
}

export interface TransactionalProducer {
  begin(): Promise<void>
  /** Resolves when the broker has acknowledged the values. */
  send(topic: string, partition: number, values: readonly string[]): Promise<void>
  /** Adds what `reader`, a member of a group, has received to the transaction. */
  sendOffsets(reader: TransactionReader): Promise<void>
  commit(): Promise<void>
  abort(): Promise<void>
  /** Also ends a producer that the broker has refused. */
  close(): Promise<void>
}

export interface TransactionalClient {
  /** Initializes the transactional id: an older producer of it is fenced, and its open transaction aborted. */
  producer(transactionalId: string, timeoutMs: number): Promise<TransactionalProducer>
  /** Reads all partitions of the topic from the beginning; with `group` as a member of it, without commits of its own. */
  reader(topic: string, isolation: Isolation, group?: string): Promise<TransactionReader>
  /** Whether the client says by this error that another producer with the same transactional id has taken over. */
  isFenced(error: unknown): boolean
  close(): Promise<void>
}

const TIMEOUT_MS = 60_000
const READ_MS = 40_000
const GROUP_PARTITION = 0

const values = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${prefix}-${index}`)

/** The error that `promise` rejects with. */
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => Promise.reject(new Error(`it should have been refused, and gave ${JSON.stringify(value)}`)),
    (error: unknown) => error,
  )

/** A raw client on the broker of the test, for what a client library does not show. */
class Probe {
  readonly #client: RawClient

  constructor(client: RawClient) {
    this.#client = client
  }

  /** A new topic with a leader for each partition. */
  async topic(numPartitions: number): Promise<string> {
    const name = `transactions-${randomUUID()}`
    const { topics } = await this.#client.send(createTopics, 5, {
      topics: [{ name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }],
      timeoutMs: 30_000,
      validateOnly: false,
    })
    expect(topics[0]!.errorCode).toBe(0)
    await until(async () => {
      const described = await this.#client.send(metadata, 4, { topics: [{ name }], allowAutoTopicCreation: false })
      return described.topics[0]!.errorCode === 0 && described.topics[0]!.partitions.every((partition) => partition.leaderId >= 0)
    }, `leaders of ${name}`)
    return name
  }

  /** The committed offset of the group, or the error's name with `stable` where a transaction has not ended. */
  async committed(group: string, topic: string, stable = false): Promise<number | string> {
    return until(
      async () => {
        const { groups } = await this.#client.send(offsetFetch, 8, {
          groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes: [GROUP_PARTITION] }] }],
          requireStable: stable,
        })
        const { errorCode: ofGroup, topics } = groups![0]!
        if (ofGroup !== 0) throw new Error(`OffsetFetch: ${errorName(ofGroup)}`)
        const { committedOffset, errorCode: ofPartition } = topics[0]!.partitions[0]!
        return { answer: ofPartition === 0 ? committedOffset : errorName(ofPartition) }
      },
      `the offsets of ${group}`,
      READ_MS,
    ).then(({ answer }) => answer)
  }

  close(): void {
    this.#client.close()
  }
}

/**
 * Registers the tests of one client; with `missing` (why it cannot run here) they are skipped with that note. `address` is the broker under
 * test, where it is not one of ours that the test starts.
 */
export function conformsInTransactions(
  name: string,
  open: (address: string) => Promise<TransactionalClient>,
  options: {
    missing?: string | null
    broker?: () => Promise<{ address: string; stop(): Promise<void> }>
    /** Where the client itself, with Apache Kafka too, gives aborted records to its reader: of transactions that overlap, or of any. */
    leaks?: 'of overlapping transactions' | 'of any transaction'
  } = {},
): void {
  describe(`${name}: transactions`, () => {
    let broker: Pick<TestBroker, 'address' | 'stop'> | undefined
    let client: TransactionalClient
    let probe: Probe
    let raw: RawClient
    const closing: (() => Promise<void>)[] = []
    const stories: Record<string, () => Promise<void>> = {
      'committed records are seen by both isolation levels, by read_committed only after the commit': commits,
      'aborted records are seen by read_uncommitted only': aborts,
      'a twin fences the older producer, whose open transaction is aborted': fences,
      'offsets are committed with the transaction, and dropped with it': commitsOffsets,
      'a transaction past its timeout is aborted, and the transactional id goes on': timesOut,
      'of a log in many segments, cut inside an aborted transaction, read_committed gets what is committed': () => readsCommitted(false),
      'of such a log that is compacted too, read_committed gets what is committed': () => readsCommitted(true),
    }
    const missing = options.missing ?? null
    if (missing !== null) {
      for (const title of Object.keys(stories)) test(title, ({ skip }) => skip(missing))
      return
    }

    beforeAll(async () => {
      const given = options.broker ? undefined : process.env.TRIBUTARY_TEST_BOOTSTRAP
      if (!given) broker = await (options.broker ?? (() => startTestBroker(TRANSACTION_SETTINGS)))()
      const address = given ?? broker!.address
      const [host, port] = address.split(':') as [string, string]
      raw = await rawClient(Number(port), host)
      probe = new Probe(raw)
      client = await open(address)
    }, 120_000)

    afterAll(async () => {
      await Promise.allSettled(closing.map((close) => close()))
      await client?.close()
      probe?.close()
      await broker?.stop()
    }, 120_000)

    for (const [title, story] of Object.entries(stories)) test(title, story, 120_000)

    async function producer(transactionalId: string, timeoutMs = TIMEOUT_MS): Promise<TransactionalProducer> {
      const opened = await client.producer(transactionalId, timeoutMs)
      closing.push(() => opened.close())
      return opened
    }

    async function reader(topic: string, isolation: Isolation, group?: string): Promise<TransactionReader> {
      const opened = await client.reader(topic, isolation, group)
      closing.push(() => opened.close())
      return opened
    }

    const receives = (from: TransactionReader, expected: readonly string[], what: string) =>
      until(() => expected.every((value) => from.values.includes(value)), what, READ_MS)

    async function transact(by: TransactionalProducer, topic: string, sent: readonly string[], end: 'commit' | 'abort'): Promise<void> {
      await by.begin()
      await by.send(topic, 0, sent)
      await by[end]()
    }

    async function commits(): Promise<void> {
      const topic = await probe.topic(3)
      const [committed, uncommitted] = [await reader(topic, 'read_committed'), await reader(topic, 'read_uncommitted')]
      const writer = await producer(`commits-${randomUUID()}`)
      await writer.begin()
      for (const partition of [0, 1, 2]) await writer.send(topic, partition, values(`p${partition}`, 20))
      const sent = [0, 1, 2].flatMap((partition) => values(`p${partition}`, 20))
      await receives(uncommitted, sent, 'read_uncommitted sees the open transaction')
      expect(committed.values, 'read_committed sees nothing of the open transaction').toEqual([])
      await writer.commit()
      await receives(committed, sent, 'read_committed sees the transaction after its commit')
      for (const partition of [0, 1, 2])
        expect(committed.values.filter((value) => value.startsWith(`p${partition}-`))).toEqual(values(`p${partition}`, 20))
      await transact(writer, topic, ['second'], 'commit')
      for (const from of [committed, uncommitted]) await receives(from, ['second'], 'a second transaction of the same producer')
      expect([...committed.values].sort()).toEqual([...sent, 'second'].sort())
      expect([...uncommitted.values].sort()).toEqual([...sent, 'second'].sort())
    }

    async function aborts(): Promise<void> {
      const topic = await probe.topic(1)
      const writer = await producer(`aborts-${randomUUID()}`)
      await transact(writer, topic, values('first', 5), 'commit')
      await transact(writer, topic, values('aborted', 5), 'abort')
      await transact(writer, topic, values('last', 5), 'commit')
      const [committed, uncommitted] = [await reader(topic, 'read_committed'), await reader(topic, 'read_uncommitted')]
      await Promise.all([receives(committed, ['last-4'], 'read_committed'), receives(uncommitted, ['last-4'], 'read_uncommitted')])
      expect(committed.values).toEqual([...values('first', 5), ...values('last', 5)])
      expect(uncommitted.values).toEqual([...values('first', 5), ...values('aborted', 5), ...values('last', 5)])
    }

    async function fences(): Promise<void> {
      const topic = await probe.topic(1)
      const transactionalId = `twins-${randomUUID()}`
      const zombie = await producer(transactionalId)
      await transact(zombie, topic, ['before'], 'commit')
      await zombie.begin()
      await zombie.send(topic, 0, values('zombie', 3))
      const twin = await producer(transactionalId)
      await transact(twin, topic, values('twin', 3), 'commit')
      const refused = await rejection(zombie.commit())
      expect(client.isFenced(refused), `the zombie is told that it is fenced: ${refused}`).toBe(true)
      await transact(twin, topic, ['after'], 'commit')
      const committed = await reader(topic, 'read_committed')
      await receives(committed, ['after'], 'what the twin wrote')
      expect(committed.values).toEqual(['before', ...values('twin', 3), 'after'])
    }

    async function commitsOffsets(): Promise<void> {
      const [input, output] = [await probe.topic(1), await probe.topic(1)]
      const group = `processors-${randomUUID()}`
      const writer = await producer(`offsets-${randomUUID()}`)
      await transact(writer, input, values('in', 4), 'commit')
      const member = await reader(input, 'read_committed', group)
      await receives(member, ['in-3'], 'the member receives its input')

      await writer.begin()
      await writer.send(output, 0, ['dropped'])
      await writer.sendOffsets(member)
      expect(await probe.committed(group, input)).toBe(-1)
      expect(await probe.committed(group, input, true)).toBe('UNSTABLE_OFFSET_COMMIT')
      await writer.abort()
      await until(async () => (await probe.committed(group, input, true)) === -1, 'the aborted offsets are dropped')

      await writer.begin()
      await writer.send(output, 0, ['kept'])
      await writer.sendOffsets(member)
      expect(await probe.committed(group, input, true)).toBe('UNSTABLE_OFFSET_COMMIT')
      await writer.commit()
      await until(async () => (await probe.committed(group, input, true)) !== 'UNSTABLE_OFFSET_COMMIT', 'the offsets are stable')
      // Four records; behind them lies the marker of the transaction that wrote them, which some clients count as read.
      expect([4, 5]).toContain(await probe.committed(group, input))
      const committed = await reader(output, 'read_committed')
      await receives(committed, ['kept'], 'what the transaction wrote')
      expect(committed.values).toEqual(['kept'])
    }

    async function timesOut(): Promise<void> {
      const topic = await probe.topic(1)
      const transactionalId = `late-${randomUUID()}`
      const [late, other] = [await producer(transactionalId, 1_500), await producer(`other-${randomUUID()}`)]
      await late.begin()
      await late.send(topic, 0, values('late', 3))
      await transact(other, topic, ['other'], 'commit')
      const committed = await reader(topic, 'read_committed')
      await receives(committed, ['other'], 'read_committed passes the transaction once it is past its timeout')
      await rejection(late.commit())
      const again = await producer(transactionalId)
      await transact(again, topic, ['again'], 'commit')
      await receives(committed, ['again'], 'the transactional id goes on')
      expect(committed.values).toEqual(['other', 'again'])
    }

    async function readsCommitted(compacted: boolean): Promise<void> {
      const overlapping = options.leaks !== 'of overlapping transactions'
      const data = await writeAbortedData(raw, { compacted, overlapping, random: seededRandom() })
      const committed = await reader(data.topic, 'read_committed')
      await receives(committed, [data.last], 'the end of the log')
      data.check(options.leaks === 'of any transaction' ? committed.values.filter((value) => data.committed.has(value)) : committed.values)
    }
  })
}

export const FENCED_CODES: readonly number[] = [errorCode('PRODUCER_FENCED'), errorCode('INVALID_PRODUCER_EPOCH')]
