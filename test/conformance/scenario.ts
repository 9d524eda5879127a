/**
 * What every Kafka client must be able to do with the broker: create a topic, produce with each of its codecs and read the same records
 * back, share a topic in a group while a second member joins and leaves, commit, and continue from the commit. A client is an adapter.
 * TRIBUTARY_TEST_BOOTSTRAP=host:port runs the same against another broker.
 */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestBroker, type TestBroker } from '../running-broker.ts'
import { until } from '../until.ts'

export interface Row {
  key: string
  value: string
  /** The value of the header `origin`. */
  origin: string
}

export interface ForeignMember {
  /** Everything it has received, in order. */
  readonly received: readonly Row[]
  /** The partitions it owns now. */
  partitions(): readonly number[]
  /** Commits what it has received. */
  commit(): Promise<void>
  /** Leaves the group and closes. */
  leave(): Promise<void>
}

export interface ForeignClient {
  readonly codecs: readonly string[]
  createTopic(topic: string, partitions: number): Promise<void>
  produce(topic: string, codec: string, rows: readonly Row[]): Promise<void>
  /** Reads `count` records from the beginning of the topic; only for clients that can read without a group. */
  read?(topic: string, count: number): Promise<Row[]>
  /** Joins the group and starts from its committed offsets, else from the beginning. */
  join(group: string, topic: string): Promise<ForeignMember>
  close(): Promise<void>
}

const PARTITIONS = 4

/** Values from empty to large, in several alphabets; compressible and not. */
const rowsOf = (count: number, origin: string): Row[] =>
  Array.from({ length: count }, (_, i) => ({
    key: `${origin}-${i}`,
    value: i % 50 === 7 ? randomUUID().repeat(300) : `${origin} Grüße ${i} ${'川'.repeat(i % 40)}`,
    origin,
  }))

const sorted = (rows: readonly Row[]): Row[] => [...rows].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
const keysOf = (rows: readonly Row[]): string[] => sorted(rows).map(({ key }) => key)

async function readInGroup(client: ForeignClient, topic: string, count: number): Promise<Row[]> {
  const reader = await client.join(`reads-${topic}`, topic)
  await until(() => reader.received.length >= count, `${count} records`, 30_000)
  await reader.leave()
  return [...reader.received]
}

/** Registers the tests of one client; with `missing` (why it cannot run here) they are skipped with that note. */
export function conforms(name: string, open: (address: string) => Promise<ForeignClient>, missing: string | null = null): void {
  const readsBack = `${name} reads back what it wrote, with every codec it has`
  const sharesTopic = `${name} shares a topic in a group, and goes on from its commit`
  if (missing !== null) {
    for (const title of [readsBack, sharesTopic]) test(title, ({ skip }) => skip(missing))
    return
  }
  let broker: TestBroker | undefined
  let client: ForeignClient

  beforeAll(async () => {
    const given = process.env.TRIBUTARY_TEST_BOOTSTRAP
    // Kcat creates a topic only by requesting its metadata.
    if (!given) broker = await startTestBroker({ 'num.partitions': PARTITIONS })
    client = await open(given ?? broker!.address)
  })

  afterAll(async () => {
    await client?.close()
    await broker?.stop()
  })

  test(readsBack, async () => {
    const topic = `codecs-${name}-${randomUUID()}`
    await client.createTopic(topic, PARTITIONS)
    const written: Row[] = []
    for (const codec of client.codecs) {
      const rows = rowsOf(300, codec)
      await client.produce(topic, codec, rows)
      written.push(...rows)
    }
    const read = await (client.read?.(topic, written.length) ?? readInGroup(client, topic, written.length))
    expect(sorted(read)).toEqual(sorted(written))
  })

  test(sharesTopic, async () => {
    const topic = `group-${name}-${randomUUID()}`
    const group = `readers-${randomUUID()}`
    await client.createTopic(topic, PARTITIONS)
    const early = rowsOf(200, 'early')
    await client.produce(topic, 'none', early)

    const first = await client.join(group, topic)
    await until(() => first.received.length >= early.length, 'the first member receives the early records', 30_000)
    expect(sorted(first.received)).toEqual(sorted(early))
    expect(first.partitions()).toHaveLength(PARTITIONS)
    await first.commit()

    const second = await client.join(group, topic)
    await until(
      () => {
        const owned = [...first.partitions(), ...second.partitions()]
        return second.partitions().length > 0 && owned.length === PARTITIONS && new Set(owned).size === PARTITIONS
      },
      'both members own a part, and no partition has two owners',
      30_000,
    )
    const shared = rowsOf(200, 'shared')
    await client.produce(topic, 'none', shared)
    await until(
      () => new Set(keysOf([...first.received, ...second.received])).size === early.length + shared.length,
      'both members receive all shared records',
      30_000,
    )
    expect(second.received.length).toBeGreaterThan(0)
    await second.commit()
    await second.leave()
    await until(() => first.partitions().length === PARTITIONS, 'the first member owns everything again', 30_000)
    const late = rowsOf(50, 'late')
    await client.produce(topic, 'none', late)
    await until(
      () => late.every(({ key }) => first.received.some((row) => row.key === key)),
      'the first member receives the late records',
      30_000,
    )
    await first.commit()
    await first.leave()

    const after = rowsOf(20, 'after')
    await client.produce(topic, 'none', after)
    const third = await client.join(group, topic)
    await until(() => third.received.length >= after.length, 'a new member receives the records after the commit', 30_000)
    expect(keysOf(third.received), 'the new member starts at the commit').toEqual(keysOf(after))
    await third.leave()
  })
}
