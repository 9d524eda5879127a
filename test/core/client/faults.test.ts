/**
 * Story of core/client. Goal: whatever happens to connections, acknowledged records are in the log once and in order (Invariant 5), a group
 * reads every record, a partition has one owner at a time (Invariant 9), and committed offsets only rise, never past what was read
 * (Invariants 3, 7). Method: seeded runs of a producer and a group that grows and shrinks, on a broker in this process behind a proxy that
 * cuts and refuses connections, drops requests, and truncates responses.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { type Client, type Consumer, createClient, type TopicPartition } from '../../../core/client/index.ts'
import { KafkaError } from '../../../core/errors.ts'
import { realClock } from '../../../core/system/clock.ts'
import { silentLogger } from '../../../core/system/logger.ts'
import { realRandom } from '../../../core/system/random.ts'
import { brokerInProcess } from '../../broker-in-process.ts'
import { faultProxy } from '../../fault-proxy.ts'
import { seededRandom } from '../../random.ts'
import { until } from '../../until.ts'

const RUNS = 4
const system = { clock: realClock, random: realRandom, logger: silentLogger }
const topic = 't'
const numbers = ({ partition }: TopicPartition) => partition
const random = seededRandom()
const below = (limit: number) => Math.floor(random() * limit)

it.each(Array.from({ length: RUNS }, (_, index) => index))(
  'run %i',
  async () => {
    const partitions = 1 + below(4)
    const proxy = await faultProxy(0)
    const broker = await brokerInProcess({ 'advertised.listeners': `PLAINTEXT://${proxy.address}`, 'log.flush': 'os' })
    proxy.target = broker.port
    const clients: Client[] = []
    onTestFinished(async () => {
      for (const client of clients) await client.close()
      await proxy.close()
      await broker.stop()
    })
    const clientOf = () => {
      const waits = { retryBackoffMs: 5, retryBackoffMaxMs: 50, reconnectBackoffMs: 5, reconnectBackoffMaxMs: 50 }
      const client = createClient({ bootstrapServers: proxy.address, clientId: 'test', requestTimeoutMs: 5_000, ...waits }, system)
      clients.push(client)
      return client
    }
    const { admin } = clientOf()
    await admin.createTopics([{ name: topic, partitions, replicationFactor: 1 }])

    const producer = clientOf().producer({ batchSize: [60, 200, 2_000][below(3)]!, lingerMs: below(3), maxInFlight: 1 + below(5) })
    const sent: string[][] = Array.from({ length: partitions }, () => [])
    const sends: Promise<unknown>[] = []
    const produce = (count: number) => {
      const records = Array.from({ length: count }, (_, index) => {
        const partition = index % partitions
        const text = `${partition}/${sent[partition]!.length}`
        sent[partition]!.push(text)
        return { topic, partition, key: null, value: Buffer.from(text) }
      })
      sends.push(producer.send(records))
    }

    const readOffsets = sent.map(() => new Set<number>())
    const committed = sent.map(() => 0)
    const owners = new Map<number, number>()
    const wrong: string[] = []
    const running = new Map<number, { consumer: Consumer; stop(): Promise<void> }>()
    const assignors = [['cooperative-sticky'], ['range'], ['cooperative-sticky', 'range'], ['sticky'], ['roundrobin']][below(5)]!
    let ids = 0
    const join = () => {
      const id = ids++
      const consumer = clientOf().consumer({
        groupId: 'g',
        autoOffsetReset: 'earliest',
        partitionAssignors: assignors,
        heartbeatIntervalMs: 20,
        // A member whose LeaveGroup is lost is removed after this time.
        sessionTimeoutMs: 6_000,
        maxPollRecords: 1 + below(30),
        fetchMaxWaitMs: 50,
      })
      const positions = new Map<number, number>()
      const commit = async () => {
        const offsets = [...positions].map(([partition, offset]) => ({ topic, partition, offset }))
        try {
          await consumer.commit(offsets)
        } catch (error) {
          // In a rebalance, or without a connection: the next commit has these offsets as well.
          if (!(error instanceof KafkaError)) throw error
        }
      }
      const forget = (partitions: readonly TopicPartition[]) => {
        for (const partition of partitions.map(numbers)) {
          positions.delete(partition)
          if (owners.get(partition) === id) owners.delete(partition)
        }
      }
      consumer.subscribe([topic], {
        async revoked(partitions) {
          await commit()
          forget(partitions)
        },
        lost: forget,
        assigned(partitions) {
          for (const partition of partitions.map(numbers)) {
            const other = owners.get(partition) ?? id
            if (other !== id) wrong.push(`${partition} belongs to ${other} and to ${id}`)
            owners.set(partition, id)
          }
        },
      })
      let going = true
      const loop = (async () => {
        for (let polls = 0; going; polls++) {
          for (const { partition, records, nextOffset } of await consumer.poll(30)) {
            for (const { offset } of records) readOffsets[partition]!.add(offset)
            positions.set(partition, nextOffset)
          }
          if (polls % 3 === 0) await commit()
        }
      })()
      loop.catch((error: unknown) => void wrong.push(`member ${id}: ${error}`))
      running.set(id, {
        consumer,
        async stop() {
          going = false
          running.delete(id)
          await loop
          await consumer.close()
        },
      })
    }
    const checkCommitted = async () => {
      const peer = { host: '', closed: false, onClose: () => () => {} }
      const request = { groupId: 'g', topics: [{ name: topic, partitionIndexes: [...sent.keys()] }], groups: [], requireStable: false }
      const { topics } = await broker.broker.groups.fetch(request, { version: 7, clientId: null, peer })
      for (const { partitionIndex: partition, committedOffset } of topics[0]!.partitions) {
        const offset = Math.max(0, committedOffset)
        if (offset < committed[partition]!) wrong.push(`the offset of ${partition} went from ${committed[partition]} to ${offset}`)
        for (let before = committed[partition]!; before < offset; before++)
          if (!readOffsets[partition]!.has(before)) wrong.push(`${offset} of ${partition} is committed, ${before} was never read`)
        committed[partition] = offset
      }
    }

    const faults: (() => Promise<unknown>)[] = [
      async () => proxy.cut(),
      async () => {
        // Some responses are complete, then one is truncated.
        let whole = below(6)
        proxy.onResponse = (chunk) => (whole-- > 0 ? { pass: chunk.length, cut: false } : { pass: below(chunk.length), cut: true })
        await pause(below(40))
        proxy.onResponse = null
      },
      async () => {
        proxy.mode = 'refuse'
        proxy.cut()
        await pause(below(100))
        proxy.mode = 'pass'
      },
      async () => {
        proxy.mode = 'swallow'
        await pause(below(200))
        proxy.cut()
        proxy.mode = 'pass'
      },
      async () => running.size < 4 && join(),
      async () => running.size > 1 && [...running.values()][below(running.size)]!.stop(),
      () => pause(below(60)),
    ]
    join()
    for (let step = 0; step < 20; step++) {
      for (let calls = below(4); calls > 0; calls--) produce(1 + below(40))
      await faults[below(faults.length)]!()
      await checkCommitted()
    }
    produce(partitions)
    await Promise.all(sends)
    await until(
      () => readOffsets.every((offsets, partition) => offsets.size >= sent[partition]!.length),
      'the group to read all records',
      100_000,
    )
    for (const member of [...running.values()]) await member.stop()
    await checkCommitted()
    expect(wrong).toEqual([])

    const reader = clientOf().consumer()
    reader.assign(sent.map((_, partition) => ({ topic, partition, offset: 'earliest' as const })))
    const read: string[][] = sent.map(() => [])
    await until(async () => {
      for (const { partition, records } of await reader.poll(100)) read[partition]!.push(...records.map(({ value }) => value!.toString()))
      return read.flat().length >= sent.flat().length
    }, 'the whole log')
    expect(read).toEqual(sent)
  },
  180_000,
)
