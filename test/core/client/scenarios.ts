/**
 * What the client must do on any cluster: the same tests run against our broker (client.test.ts) and against Apache Kafka
 * (test/peers/client.test.ts). `server` can be killed and started again on its port and data.
 */
import { describe, expect, it, onTestFinished } from 'vitest'
import listGroups from '../../../core/apis/16-list-groups.ts'
import {
  type Client,
  type ConsumedBatch,
  type Consumer,
  createClient,
  type OffsetSpec,
  type TopicPartition,
} from '../../../core/client/index.ts'
import { partitionOf } from '../../../core/client/producer/murmur2.ts'
import { KafkaError } from '../../../core/errors.ts'
import { realClock } from '../../../core/system/clock.ts'
import { silentLogger } from '../../../core/system/logger.ts'
import { realRandom } from '../../../core/system/random.ts'
import { at, codecs, writeInt64 } from '../../../core/wire/batch-header.ts'
import { batches, decodeRecords, encodeBatch } from '../../../core/wire/record-batch.ts'
import { until } from '../../until.ts'

export interface Server {
  readonly address: string
  kill(): Promise<void>
  start(): Promise<void>
}

export const system = { clock: realClock, random: realRandom, logger: silentLogger }
let names = 0
export const unique = (what: string) => `${what}-${process.pid}-${names++}`

export function clientOf(server: Server, settings: Partial<Parameters<typeof createClient>[0]> = {}): Client {
  const client = createClient({ bootstrapServers: server.address, clientId: 'test', ...settings }, system)
  onTestFinished(() => client.close())
  return client
}

export async function topicOf(client: Client, partitions = 1, configs: Record<string, string> = {}): Promise<string> {
  const name = unique('topic')
  const results = await client.admin.createTopics([{ name, partitions, replicationFactor: 1, configs }])
  expect(results.get(name)).toBe(null)
  await until(
    async () => (await client.topic(name, { refresh: true }))?.partitions.every((partition) => partition.leader >= 0),
    `topic ${name}`,
  )
  return name
}

export const record = (topic: string, value: string, more: { key?: string; partition?: number } = {}) => ({
  topic,
  key: more.key === undefined ? null : Buffer.from(more.key),
  value: Buffer.from(value),
  partition: more.partition,
})

export const valuesOf = (polled: readonly ConsumedBatch[]) =>
  polled.flatMap((batch) => batch.records.map((entry) => entry.value!.toString()))

/** Commits as an application does: offsets that were refused in a rebalance or restart are part of the next commit. */
export function committer(consumer: Consumer): (batch: ConsumedBatch) => Promise<void> {
  const uncommitted = new Map<string, { topic: string; partition: number; offset: number }>()
  return async ({ topic, partition, nextOffset }) => {
    uncommitted.set(`${topic}-${partition}`, { topic, partition, offset: nextOffset })
    try {
      await consumer.commit([...uncommitted.values()])
      uncommitted.clear()
    } catch (error) {
      if (!(error instanceof KafkaError && (error.retriable || error.error === 'REBALANCE_IN_PROGRESS'))) throw error
    }
  }
}

/** Polls until `enough`, or fails. */
export async function pollUntil(consumer: Consumer, enough: (values: readonly string[]) => boolean, timeoutMs = 20_000): Promise<string[]> {
  const values: string[] = []
  const deadline = performance.now() + timeoutMs
  while (!enough(values)) {
    if (performance.now() > deadline) throw new Error(`${values.length} records were read within ${timeoutMs} ms, more were expected`)
    values.push(...valuesOf(await consumer.poll(200)))
  }
  return values
}

const failureOf = (promise: Promise<unknown>): Promise<KafkaError | null> =>
  promise.then(
    () => null,
    (error) => error,
  )

/** Polls until the consumer has as many partitions. */
async function assignedOf(consumer: Consumer, count: number): Promise<void> {
  await until(async () => {
    await consumer.poll(50)
    return consumer.assignment.length === count
  }, `${count} partitions`)
}

const range = (count: number) => Array.from({ length: count }, (_, index) => index)

export function clientScenarios(server: () => Server): void {
  describe('admin', () => {
    it('creates, describes, changes and deletes topics', async () => {
      const client = clientOf(server())
      const name = await topicOf(client, 2, { 'retention.ms': '1234567' })
      const again = await client.admin.createTopics([{ name, partitions: 2, replicationFactor: 1 }])
      expect(again.get(name)).toMatchObject({ error: 'TOPIC_ALREADY_EXISTS' })
      await client.admin.alterTopicConfigs(
        new Map([
          [
            name,
            [
              { name: 'retention.ms', operation: 1, value: null },
              { name: 'max.message.bytes', operation: 0, value: '55555' },
            ],
          ],
        ]),
      )
      const set = await until(async () => {
        const configs = (await client.admin.describeTopicConfigs([name])).get(name)!
        const own = configs.filter((config) => !config.isDefault).map((config) => [config.name, config.value])
        return own.some(([key]) => key === 'retention.ms') ? null : own
      }, 'the configs to change')
      expect(set).toEqual([['max.message.bytes', '55555']])
      await client.admin.createPartitions(name, 4)
      await until(async () => (await client.topic(name, { refresh: true }))?.partitions.length === 4, 'four partitions')
      await expect(client.admin.createPartitions(name, 3)).rejects.toMatchObject({ error: 'INVALID_PARTITIONS' })
      await expect(client.admin.describeTopicConfigs(['no-such-topic'])).rejects.toMatchObject({ error: 'UNKNOWN_TOPIC_OR_PARTITION' })
      expect((await client.topics()).map((topic) => topic.name)).toContain(name)
      expect((await client.admin.deleteTopics([name, 'no-such-topic'])).get('no-such-topic')).toMatchObject({
        error: 'UNKNOWN_TOPIC_OR_PARTITION',
      })
      await until(async () => (await client.topic(name, { refresh: true })) === undefined, 'the topic to be deleted')
    })

    it('lists offsets and deletes records', async () => {
      const client = clientOf(server())
      const name = await topicOf(client)
      const producer = client.producer()
      const base = Date.now() - 100_000
      await producer.send(range(10).map((index) => ({ ...record(name, `${index}`), timestamp: base + index })))
      const offsetAt = async (spec: OffsetSpec) => (await client.admin.listOffsets([{ topic: name, partition: 0, spec }]))[0]!
      expect(await offsetAt('latest')).toMatchObject({ offset: 10, error: null })
      expect(await offsetAt('earliest')).toMatchObject({ offset: 0, error: null })
      expect(await offsetAt('max-timestamp')).toMatchObject({ offset: 9, timestamp: base + 9, error: null })
      expect(await offsetAt({ timestamp: base + 4 })).toMatchObject({ offset: 4, timestamp: base + 4 })
      await client.admin.deleteRecords([{ topic: name, partition: 0, offset: 6 }])
      expect(await offsetAt('earliest')).toMatchObject({ offset: 6 })
      const [epoch] = await client.admin.offsetsForLeaderEpochs([{ topic: name, partition: 0, leaderEpoch: 0 }])
      expect(epoch).toEqual({ topic: name, partition: 0, leaderEpoch: 0, endOffset: 10, error: null })
      const [missing] = await client.admin.listOffsets([{ topic: 'no-such-topic', partition: 0, spec: 'latest' }])
      expect(missing).toMatchObject({ error: 'UNKNOWN_TOPIC_OR_PARTITION' })
    })

    it('describes the cluster, and sends any request in a given version', async () => {
      const client = clientOf(server())
      const cluster = await client.admin.describeCluster()
      expect(cluster.brokers.map((broker) => `${broker.host}:${broker.port}`)).toEqual([server().address])
      expect(await client.clusterId).toBe(cluster.clusterId)
      const answer = await client.send('any', listGroups, { statesFilter: [], typesFilter: [] }, { maxVersion: 3 })
      expect(answer.errorCode).toBe(0)
    })

    it('sets, reads and deletes the offsets of a group', async () => {
      const client = clientOf(server())
      const name = await topicOf(client, 2)
      const groupId = unique('group')
      await client.admin.alterGroupOffsets(groupId, [
        { topic: name, partition: 0, offset: 5, metadata: 'note' },
        { topic: name, partition: 1, offset: 7, leaderEpoch: 0 },
      ])
      const offsets = await client.admin.groupOffsets(groupId)
      expect(offsets.sort((a, b) => a.partition - b.partition)).toMatchObject([
        { topic: name, partition: 0, offset: 5, metadata: 'note' },
        { topic: name, partition: 1, offset: 7, leaderEpoch: 0 },
      ])
      expect((await client.admin.listGroups()).map((group) => group.groupId)).toContain(groupId)
      expect((await client.admin.describeGroups([groupId]))[0]).toMatchObject({ state: 'Empty', members: [] })
      expect((await client.admin.deleteGroups([groupId])).get(groupId)).toBe(null)
      expect((await client.admin.deleteGroups([groupId])).get(groupId)).toMatchObject({ error: 'GROUP_ID_NOT_FOUND' })
      expect((await client.admin.describeGroups([groupId]))[0]).toMatchObject({ state: 'Dead' })
    })
  })

  describe('producer and consumer', () => {
    it.each([...codecs])('carry every kind of record in %s', async (compressionType) => {
      const client = clientOf(server())
      const name = await topicOf(client)
      const records = [
        { topic: name, key: null, value: null },
        { topic: name, key: Buffer.alloc(0), value: Buffer.alloc(0), timestamp: 17 },
        {
          topic: name,
          key: Buffer.from('k'),
          value: Buffer.alloc(100_000, 'calm '),
          headers: [
            { key: 'ä', value: null },
            { key: '', value: Buffer.from('v') },
          ],
        },
        ...range(500).map((index) => record(name, `value ${index}`, { key: `key ${index}` })),
      ]
      const result = await client.producer({ compressionType, maxRequestSize: 2_000_000 }).send(records)
      expect(result.at(502).offset).toBe(502)
      const consumer = client.consumer({ autoOffsetReset: 'earliest' })
      consumer.assign([{ topic: name, partition: 0, offset: 'earliest' }])
      const got: ConsumedBatch['records'] = []
      await until(async () => {
        for (const batch of await consumer.poll(200)) got.push(...batch.records)
        return got.length >= records.length
      }, 'all records')
      expect(got.map(({ offset, key, value, headers }) => ({ offset, key, value, headers }))).toEqual(
        records.map((entry, offset) => ({ offset, key: entry.key, value: entry.value, headers: 'headers' in entry ? entry.headers : [] })),
      )
      expect(got[1]!.timestamp).toBe(17)
      expect(got[0]!.timestamp).toBe(result.at(0).timestamp)
    })

    it('send keys to the partition of their murmur2 hash', async () => {
      const client = clientOf(server())
      const name = await topicOf(client, 5)
      const keys = range(50).map((index) => `key-${index}`)
      const result = await client.producer().send(keys.map((key) => record(name, key, { key })))
      expect(keys.map((_, index) => result.at(index).partition)).toEqual(keys.map((key) => partitionOf(Buffer.from(key), 5)))
    })

    it('create a topic by writing to it', async () => {
      const client = clientOf(server())
      const name = unique('auto')
      expect((await client.producer().send([record(name, 'first')])).at(0)).toMatchObject({ topic: name, offset: 0 })
    })

    it('report the error of a record that the broker refuses', async () => {
      const client = clientOf(server())
      const name = await topicOf(client, 1, { 'cleanup.policy': 'compact' })
      await expect(client.producer().send([record(name, 'no key')])).rejects.toMatchObject({ error: 'INVALID_RECORD' })
      const small = await topicOf(client, 1, { 'max.message.bytes': '2000' })
      const producer = client.producer()
      await producer.send(range(100).map((index) => record(small, `${index}`.padEnd(100))))
      await expect(producer.send([record(small, 'x'.repeat(5_000))])).rejects.toMatchObject({ error: 'MESSAGE_TOO_LARGE' })
      expect((await producer.send([record(small, 'y')])).at(0).offset).toBe(100)
    })

    it('start, pause, seek and resume at the given offsets', async () => {
      const client = clientOf(server())
      const name = await topicOf(client, 2)
      const [first, second] = [
        { topic: name, partition: 0 },
        { topic: name, partition: 1 },
      ]
      const producer = client.producer()
      await producer.send(range(100).map((index) => record(name, `${index}`, { partition: index % 2 })))
      const consumer = client.consumer({ maxPollRecords: 7, autoOffsetReset: 'earliest' })
      consumer.assign([
        { ...first, offset: 10 },
        { ...second, offset: 'latest' },
      ])
      expect(await pollUntil(consumer, (values) => values.length > 0)).toEqual(['20', '22', '24', '26', '28', '30', '32'])
      expect(consumer.position(first)).toBe(17)
      consumer.seek(first, 49)
      expect(await pollUntil(consumer, (values) => values.length > 0)).toEqual(['98'])
      await until(async () => {
        await consumer.poll(10)
        return consumer.position(second) === 50
      }, 'the position of the second partition')
      consumer.pause([first])
      await producer.send([record(name, 'a', { partition: 0 }), record(name, 'b', { partition: 1 })])
      expect(await pollUntil(consumer, (values) => values.length > 0)).toEqual(['b'])
      expect(await consumer.poll(50)).toEqual([])
      consumer.resume([first])
      expect(await pollUntil(consumer, (values) => values.length > 0)).toEqual(['a'])
      consumer.seek(first, 1_000_000)
      expect((await pollUntil(consumer, (values) => values.length > 50))[0]).toBe('0')
    })

    it('fail where the offset does not exist and there is no reset policy', async () => {
      const client = clientOf(server())
      const name = await topicOf(client)
      const consumer = client.consumer({ autoOffsetReset: 'none' })
      consumer.assign([{ topic: name, partition: 0, offset: 77 }])
      const error = await until(() => failureOf(consumer.poll(100)), 'an error')
      expect(error!.error).toBe('OFFSET_OUT_OF_RANGE')
    })
  })

  describe('raw access', () => {
    it('moves batches as they are', async () => {
      const client = clientOf(server())
      const [from, to] = [await topicOf(client), await topicOf(client)]
      const raw = client.raw()
      const place = async (name: string) => {
        const topic = (await client.topic(name))!
        return { topic: name, topicId: topic.id, partition: 0, node: topic.partitions[0]!.leader }
      }
      const [source, target] = [await place(from), await place(to)]
      const batch = encodeBatch(
        range(10).map((index) => ({ key: null, value: Buffer.from(`${index}`), timestamp: 5 })),
        { codec: 'lz4' },
      )
      const [stored] = await raw.produce(source.node, [{ ...source, records: batch }])
      expect(stored).toMatchObject({ topic: from, partition: 0, error: null, baseOffset: 0 })
      await raw.produce(source.node, [{ ...source, records: batch }])
      const options = { maxWaitMs: 100, minBytes: 1, maxBytes: 1_000_000, partitionMaxBytes: 1_000_000, isolationLevel: 0 as const }
      const [fetched] = await raw.fetch(source.node, [{ ...source, offset: 0, leaderEpoch: -1 }], options)
      expect(fetched).toMatchObject({ error: null, highWatermark: 20, logStartOffset: 0 })
      const whole = [...batches(fetched!.records)]
      expect(whole.map((entry) => entry.header.baseOffset)).toEqual([0, 10])
      const producer = await raw.initProducerId()
      expect(producer.producerId).toBeGreaterThanOrEqual(0)
      for (const { bytes } of whole) {
        // A produced batch has base offset 0; it lies outside the CRC.
        writeInt64(bytes, 0, at.baseOffset)
        expect((await raw.produce(target.node, [{ ...target, records: bytes }]))[0]!.error).toBe(null)
      }
      const [copied] = await raw.fetch(target.node, [{ ...target, offset: 0, leaderEpoch: -1 }], options)
      expect([...batches(copied!.records)].flatMap((entry) => decodeRecords(entry.bytes).map((r) => r.value!.toString()))).toEqual([
        ...range(10).map(String),
        ...range(10).map(String),
      ])
      const [beyond] = await raw.fetch(source.node, [{ ...source, offset: 99, leaderEpoch: -1 }], options)
      expect(beyond!.error).toBe('OFFSET_OUT_OF_RANGE')
      const abort = new AbortController()
      const waiting = raw.fetch(source.node, [{ ...source, offset: 20, leaderEpoch: -1 }], {
        ...options,
        maxWaitMs: 30_000,
        signal: abort.signal,
      })
      abort.abort(new Error('enough'))
      await expect(waiting).rejects.toThrow('enough')
      await raw.close()
    })
  })

  describe('groups', () => {
    it.each([[['cooperative-sticky']], [['cooperative-sticky', 'range']], [['range']], [['roundrobin']], [['sticky']]])(
      'three members with %j share the partitions, hand them over and miss no record',
      async (partitionAssignors) => {
        const client = clientOf(server())
        const name = await topicOf(client, 6)
        const groupId = unique('group')
        const owners = new Map<string, number>()
        const seen = new Map<string, number>()
        const key = (entry: TopicPartition) => `${entry.topic}-${entry.partition}`
        const running: { stop(): Promise<void>; consumer: Consumer; moved: number }[] = []
        const join = (id: number) => {
          const consumer = clientOf(server()).consumer({
            groupId,
            autoOffsetReset: 'earliest',
            partitionAssignors,
            heartbeatIntervalMs: 100,
            maxPollRecords: 50,
          })
          const member = { consumer, moved: 0, stop: async () => {} }
          const positions = new Map<string, number>()
          const commit = async (partitions: readonly TopicPartition[]) => {
            const offsets = partitions
              .filter((entry) => positions.has(key(entry)))
              .map((entry) => ({ ...entry, offset: positions.get(key(entry))! }))
            if (offsets.length > 0) await consumer.commit(offsets)
          }
          consumer.subscribe([name], {
            async revoked(partitions) {
              await commit(partitions)
              for (const entry of partitions) {
                expect(owners.get(key(entry))).toBe(id)
                owners.delete(key(entry))
                positions.delete(key(entry))
              }
              member.moved += partitions.length
            },
            assigned(partitions) {
              for (const entry of partitions) {
                // Invariant 9: no other member owns it now.
                expect(owners.get(key(entry)) ?? id).toBe(id)
                owners.set(key(entry), id)
              }
            },
          })
          let going = true
          const loop = (async () => {
            while (going)
              for (const batch of await consumer.poll(50)) {
                for (const entry of batch.records) seen.set(entry.value!.toString(), (seen.get(entry.value!.toString()) ?? 0) + 1)
                positions.set(key(batch), batch.nextOffset)
              }
          })()
          member.stop = async () => {
            going = false
            await loop
            await consumer.close()
          }
          running.push(member)
        }
        const producer = clientOf(server()).producer()
        let sent = 0
        const produceSome = async () => {
          await producer.send(range(300).map(() => record(name, `${sent++}`, { partition: sent % 6 })))
        }
        const shared = (members: number) =>
          until(
            () => running.length === members && owners.size === 6 && running.every((m) => m.consumer.assignment.length === 6 / members),
            `six partitions shared by ${members}`,
          )
        join(0)
        await shared(1)
        await produceSome()
        join(1)
        join(2)
        await shared(3)
        await produceSome()
        if (`${partitionAssignors}` === 'cooperative-sticky') expect(running[0]!.moved).toBeLessThanOrEqual(4)
        // A commit that overtakes the response to JoinGroup is refused: the generation has changed.
        const settled = () =>
          until(async () => (await client.admin.describeGroups([groupId]))[0]?.state === 'Stable', 'the group is stable')
        await settled()
        await running.splice(0, 1)[0]!.stop()
        await shared(2)
        await produceSome()
        await until(() => seen.size === sent, 'all records')
        for (const member of running) {
          await settled()
          await member.stop()
        }
        expect([...seen.values()].filter((times) => times > 1)).toHaveLength(0)
        const committed = await client.admin.groupOffsets(groupId)
        expect(committed.reduce((sum, entry) => sum + entry.offset, 0)).toBe(sent)
        expect((await client.admin.describeGroups([groupId]))[0]).toMatchObject({ state: 'Empty', protocolType: 'consumer' })
      },
    )

    it('subscribe to new topics that match a pattern', async () => {
      const client = clientOf(server(), { metadataMaxAgeMs: 300 })
      const prefix = unique('pattern')
      const create = async (suffix: string) => {
        const name = `${prefix}.${suffix}`
        await client.admin.createTopics([{ name, partitions: 1, replicationFactor: 1 }])
        await client.producer().send([record(name, suffix)])
      }
      await create('one')
      const consumer = client.consumer({ groupId: unique('group'), autoOffsetReset: 'earliest' })
      consumer.subscribe(new RegExp(`^${prefix}\\.`))
      expect(await pollUntil(consumer, (values) => values.length === 1)).toEqual(['one'])
      await create('two')
      expect(await pollUntil(consumer, (values) => values.length === 1)).toEqual(['two'])
    })

    it('remove a member that does not poll, which can join again', async () => {
      const client = clientOf(server())
      const name = await topicOf(client)
      const groupId = unique('group')
      const consumer = client.consumer({
        groupId,
        autoOffsetReset: 'earliest',
        rebalanceTimeoutMs: 400,
        heartbeatIntervalMs: 50,
      })
      const lost: number[] = []
      consumer.subscribe([name], { lost: (partitions) => void lost.push(partitions.length) })
      await assignedOf(consumer, 1)
      await until(async () => (await client.admin.describeGroups([groupId]))[0]!.members.length === 0, 'the member to be removed')
      await expect(consumer.commit([{ topic: name, partition: 0, offset: 0 }])).rejects.toMatchObject({ error: 'UNKNOWN_MEMBER_ID' })
      await until(async () => {
        await consumer.poll(50)
        return lost.length === 1 && consumer.assignment.length === 1
      }, 'the partition again')
    })

    it('have any protocol type', async () => {
      const client = clientOf(server())
      const groupId = unique('workers')
      const assigned = new Map<string, string>()
      const join = (name: string) => {
        const member = clientOf(server()).group({
          groupId,
          protocolType: 'connect',
          sessionTimeoutMs: 10_000,
          heartbeatIntervalMs: 100,
          rebalanceTimeoutMs: 10_000,
          protocols: () => [{ name: 'sessioned', metadata: Buffer.from(name) }],
          assign: (protocol, members) =>
            new Map(members.map((entry) => [entry.memberId, Buffer.from(`${protocol}:${entry.metadata}:${members.length}`)])),
          beforeRejoin: async () => void assigned.delete(name),
          onAssigned: async (assignment) => void assigned.set(name, assignment.toString()),
          onLost: async () => void assigned.delete(name),
        })
        member.start()
        return member
      }
      const first = join('a')
      await until(() => assigned.get('a') === 'sessioned:a:1', 'the first')
      const { generation } = first
      const second = join('b')
      await until(() => assigned.get('a') === 'sessioned:a:2' && assigned.get('b') === 'sessioned:b:2', 'both')
      // Only the leader, or a member with another subscription, makes the group rebalance.
      first.rejoin('because')
      await until(() => first.generation >= generation + 2, 'another generation')
      const [group] = await client.admin.describeGroups([groupId])
      expect(group).toMatchObject({ protocolType: 'connect' })
      await second.close()
      await until(() => assigned.get('a') === 'sessioned:a:1', 'the first alone')
      await first.close()
      await until(async () => (await client.admin.describeGroups([groupId]))[0]!.state === 'Empty', 'nobody')
    })

    it('end a member whose protocol the others do not have', async () => {
      const client = clientOf(server())
      const name = await topicOf(client)
      const groupId = unique('group')
      const one = client.consumer({ groupId, partitionAssignors: ['range'] })
      one.subscribe([name])
      await assignedOf(one, 1)
      const other = client.consumer({ groupId, partitionAssignors: ['roundrobin'] })
      other.subscribe([name])
      const error = await until(() => failureOf(other.poll(50)), 'an error')
      expect(error!.error).toBe('INCONSISTENT_GROUP_PROTOCOL')
    })

    it('keep the assignment of a static member', async () => {
      const client = clientOf(server())
      const name = await topicOf(client, 2)
      const groupId = unique('group')
      const join = async (groupInstanceId: string) => {
        const consumer = client.consumer({ groupId, groupInstanceId, heartbeatIntervalMs: 100 })
        consumer.subscribe([name])
        await assignedOf(consumer, 2)
        return consumer
      }
      const consumer = await join('one')
      const before = await client.admin.describeGroups([groupId])
      await consumer.close()
      expect((await client.admin.describeGroups([groupId]))[0]!.members).toHaveLength(1)
      const again = await join('one')
      expect(again.assignment).toHaveLength(2)
      expect((await client.admin.describeGroups([groupId]))[0]!.members[0]!.memberId).not.toBe(before[0]!.members[0]!.memberId)
    })
  })

  describe('when the broker dies', () => {
    it('each acknowledged record is read once and in order, and the group continues', async () => {
      const client = clientOf(server(), { requestTimeoutMs: 5_000 })
      const name = await topicOf(client, 2)
      const producer = client.producer({ lingerMs: 1 })
      const reader = clientOf(server(), { requestTimeoutMs: 5_000 })
      const consumer = reader.consumer({
        groupId: unique('group'),
        autoOffsetReset: 'earliest',
        heartbeatIntervalMs: 200,
        // On a busy machine the start of a broker may outlast the default session. A member that was removed reads again what it could not
        // commit.
        sessionTimeoutMs: 110_000,
      })
      consumer.subscribe([name])
      const read: string[][] = [[], []]
      let going = true
      const commit = committer(consumer)
      const reading = (async () => {
        while (going)
          for (const batch of await consumer.poll(100)) {
            for (const entry of batch.records) read[batch.partition]!.push(entry.value!.toString())
            await commit(batch)
          }
      })()
      const sent: string[][] = [[], []]
      let n = 0
      const produceSome = async () => {
        const records = range(200).map(() => record(name, `${n++}`, { partition: n % 2 }))
        for (const entry of records) sent[entry.partition!]!.push(entry.value.toString())
        await producer.send(records)
      }
      await produceSome()
      for (let round = 0; round < 2; round++) {
        const during = range(20).map(() => produceSome())
        await server().kill()
        const meanwhile = produceSome()
        await server().start()
        await Promise.all([...during, meanwhile])
      }
      await until(() => read[0]!.length + read[1]!.length >= n, `${n} records, ${read[0]!.length + read[1]!.length} were read`, 30_000)
      going = false
      await reading
      expect(read).toEqual(sent)
      await consumer.close()
    }, 120_000)

    it('send() fails in time, and close() does not wait for requests', async () => {
      const name = await topicOf(clientOf(server()))
      // close() would wait longer for a request than this test may take.
      const client = clientOf(server(), { requestTimeoutMs: 600_000 })
      const consumer = client.consumer({ groupId: unique('group') })
      consumer.subscribe([name])
      await assignedOf(consumer, 1)
      await client.producer().send([record(name, 'a')])
      const producer = client.producer({ deliveryTimeoutMs: 300 })
      await server().kill()
      try {
        await expect(client.send('any', listGroups, { statesFilter: [], typesFilter: [] }, { timeoutMs: 300 })).rejects.toMatchObject({
          error: 'REQUEST_TIMED_OUT',
        })
        await expect(producer.send([record(name, 'b')])).rejects.toMatchObject({ error: 'REQUEST_TIMED_OUT' })
        await client.close()
      } finally {
        await server().start()
      }
    }, 120_000)
  })
}
