/**
 * Some of everything that writes, by several clients at a time: topics, records, transactions, offsets, configs, keys of a compacted topic,
 * deletions of records and topics. What they learn goes to the knowledge. A rejected request goes to `onError`, and the next one follows.
 */
import { isAbortable } from '../../core/client/index.ts'
import type { Client, Producer, TransactionalProducer } from '../../core/client/types.ts'
import type { KafkaError } from '../../core/errors.ts'
import type { ClientKnowledge, Opened } from './client-knowledge.ts'
import { committedOffset, GROUP, TRANSACTION_TIMEOUT_MS, TRANSACTIONAL_ID } from './simulated-broker.ts'

/** Some records are large: a write of many pages can be torn. */
const FILLER = 'x'.repeat(60_000)
const KEYS = 4
const TOMBSTONE_EVERY = 5

export interface WorkloadOptions {
  readonly client: Client
  readonly knowledge: ClientKnowledge
  /** Names of topics and values begin with it. */
  readonly name: string
  /** Of producers: delivery.timeout.ms and max.block.ms. */
  readonly timeoutMs?: number
  onError(error: unknown, what: string): void
}

export class Workload {
  readonly #client: Client
  readonly #knowledge: ClientKnowledge
  readonly #options: WorkloadOptions
  readonly #producer: Producer
  #transactional: TransactionalProducer | null = null
  readonly #deletions = new Set<string>()

  constructor(options: WorkloadOptions) {
    this.#options = options
    this.#client = options.client
    this.#knowledge = options.knowledge
    this.#producer = options.client.producer({ lingerMs: 0, deliveryTimeoutMs: options.timeoutMs ?? 60_000 })
  }

  /** `rounds` of each kind of work. */
  async run(rounds: number): Promise<void> {
    await this.setUp()
    const each = async (step: (round: number) => Promise<void>) => {
      for (let round = 0; round < rounds; round++) await step(round)
    }
    await Promise.all([
      each((round) => this.produce(round)),
      each((round) => this.transaction(round)),
      each((round) => this.writeKeys(round)),
      each((round) => this.changeMetadata(round)),
      each((round) => this.deleteRecords(round)),
    ])
  }

  async close(): Promise<void> {
    await Promise.all([this.#producer.close(), this.#transactional?.close()])
  }

  /** True where it worked. */
  async #try(what: string, task: () => Promise<void>): Promise<boolean> {
    try {
      await task()
      return true
    } catch (error) {
      this.#options.onError(error, what)
      return false
    }
  }

  async setUp(): Promise<void> {
    await this.createTopic('orders', 2)
    await this.createTopic('payments', 2)
    await this.createTopic('profiles', 1, { 'cleanup.policy': 'compact', 'delete.retention.ms': '0' })
    await this.createTopic('clicks', 1, { 'retention.bytes': '2000' })
    this.#knowledge.uniqueTopics.add('orders').add('payments')
  }

  createTopic(name: string, partitions: number, configs: Record<string, string> = {}): Promise<boolean> {
    return this.#try(`topic ${name}`, async () => {
      const error = (await this.#client.admin.createTopics([{ name, partitions, replicationFactor: 1, configs }])).get(name)
      if (error && (error as KafkaError).error !== 'TOPIC_ALREADY_EXISTS') throw error
      this.#knowledge.acknowledge(`topic ${name} is created`, ({ broker }) => {
        if (this.#deletions.has(name)) return
        const topic = broker.cluster.topic(name)
        if (!topic || topic.partitions < partitions) throw new Error(`it has ${topic?.partitions} partitions`)
        for (let partition = 0; partition < partitions; partition++)
          if (!broker.logs.get(name, partition)) throw new Error(`partition ${partition} has no log`)
      })
    })
  }

  /** Acknowledged records are at their offsets (Invariants 1 and 2), also after the log start has moved. */
  #acknowledgeRecord(topic: string, partition: number, offset: number, value: string): void {
    this.#knowledge.acknowledge(`${value} is at ${topic}-${partition}, offset ${offset}`, async (opened) => {
      if (this.#deletions.has(topic)) return
      if (topic === 'clicks' && offset < (opened.broker.logs.get(topic, partition)?.logStartOffset ?? 0)) return
      expectEqual(await valueAt(opened, topic, partition, offset), value)
    })
  }

  async #send(topic: string, partition: number, value: string, filler = ''): Promise<void> {
    const result = await this.#producer.send([{ topic, partition, key: null, value: Buffer.from(value.padEnd(40) + filler) }])
    this.#acknowledgeRecord(topic, partition, result.at(0).offset, value)
  }

  async produce(round: number): Promise<void> {
    const sends = Array.from({ length: 4 }, (_, index) => {
      const value = `order ${this.#options.name}.${this.#knowledge.number()}`
      return this.#try(value, () => this.#send('orders', index % 2, value, round % 3 === 0 && index === 0 ? FILLER : ''))
    })
    await Promise.all(sends)
    const offset = this.#knowledge.number()
    await this.#try(`offset ${offset}`, async () => {
      await this.#client.admin.alterGroupOffsets(GROUP, [{ topic: 'orders', partition: 0, offset }])
      this.#knowledge.acknowledge(`offset ${offset} is committed`, async ({ broker }) => {
        const committed = await committedOffset(broker, 'orders')
        if (committed < offset) throw new Error(`the committed offset is ${committed}`)
      })
    })
  }

  /** Every third transaction is aborted. */
  async transaction(round: number): Promise<void> {
    const { name: prefix, timeoutMs = 60_000 } = this.#options
    const name = `payment ${prefix}.${this.#knowledge.number()}`
    await this.#try(name, async () => {
      const producer = (this.#transactional ??= await this.#newTransactional(timeoutMs))
      producer.beginTransaction()
      const known = this.#knowledge.beginTransaction(name)
      try {
        const records = Array.from({ length: 4 }, (_, index) => ({
          topic: index === 3 ? 'orders' : 'payments',
          partition: index % 2,
          value: `${name}, part ${index}`,
        }))
        known.records.push(...records)
        await producer.send(records.map(({ value, ...at }) => ({ ...at, key: null, value: Buffer.from(value) })))
        known.offset = { topic: 'payments', offset: this.#knowledge.number() }
        await producer.sendOffsets([{ ...known.offset, partition: 0 }], { groupId: GROUP, generationId: -1, memberId: '' })
        const isCommitted = round % 3 !== 2
        const ended = this.#knowledge.endTransaction(known, isCommitted)
        if (isCommitted) await producer.commitTransaction()
        else await producer.abortTransaction()
        ended()
      } catch (error) {
        if (isAbortable(error) && known.end === null) await producer.abortTransaction().catch(() => this.#dropTransactional())
        else await this.#dropTransactional()
        throw error
      }
    })
  }

  /** Another producer takes over, as after a crash. */
  async #dropTransactional(): Promise<void> {
    const producer = this.#transactional
    this.#transactional = null
    await producer?.close().catch((error: unknown) => this.#options.onError(error, 'the end of a producer'))
  }

  async #newTransactional(timeoutMs: number): Promise<TransactionalProducer> {
    const producer = this.#client.producer({
      transactionalId: TRANSACTIONAL_ID,
      lingerMs: 0,
      deliveryTimeoutMs: timeoutMs,
      maxBlockMs: timeoutMs,
      transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
    })
    try {
      await producer.initTransactions()
      return producer
    } catch (error) {
      await producer.close().catch((failed: unknown) => this.#options.onError(failed, 'the end of a producer'))
      throw error
    }
  }

  /** The last key of each round is not written again: only a cleaned segment has it later. */
  async writeKeys(round: number): Promise<void> {
    for (let index = 0; index < KEYS; index++) {
      const isTombstone = (round + index) % TOMBSTONE_EVERY === TOMBSTONE_EVERY - 1
      await this.#writeKey(`key-${index}`, isTombstone)
    }
    await this.#writeKey(`once-${this.#knowledge.number()}`, false)
  }

  async #writeKey(key: string, isTombstone: boolean): Promise<void> {
    const version = this.#knowledge.number()
    await this.#try(`version ${version} of ${key}`, async () => {
      const written = this.#knowledge.writeKey('profiles', key, version, isTombstone)
      const value = isTombstone ? null : Buffer.from(String(version).padEnd(40))
      await this.#producer.send([{ topic: 'profiles', partition: 0, key: Buffer.from(key), value }])
      written()
    })
  }

  async changeMetadata(round: number): Promise<void> {
    const { admin } = this.#client
    const name = `short-lived-${this.#options.name}-${this.#knowledge.number()}`
    if (await this.createTopic(name, 1)) {
      await this.#try(`record of ${name}`, () => this.#send(name, 0, `record of ${name}`))
      await this.#try(`deletion of ${name}`, async () => {
        this.#deletions.add(name)
        const error = (await admin.deleteTopics([name])).get(name)
        if (error) throw error
        this.#knowledge.acknowledge(`topic ${name} is deleted`, ({ broker }) => {
          if (broker.cluster.topic(name)) throw new Error('it exists')
        })
      })
    }
    const retentionMs = 1_000_000_000 + this.#knowledge.number()
    await this.#try('retention.ms', async () => {
      await admin.alterTopicConfigs(new Map([['orders', [{ name: 'retention.ms', operation: 0, value: String(retentionMs) }]]]))
      this.#knowledge.acknowledge(`retention.ms=${retentionMs} is set`, ({ broker }) => {
        const stored = Number(broker.cluster.topic('orders')?.configs['retention.ms'])
        if (!(stored >= retentionMs)) throw new Error(`it is ${stored}`)
      })
    })
    await this.#try('producer id', async () => {
      const raw = this.#client.raw()
      const { producerId } = await raw.initProducerId()
      await raw.close()
      this.#knowledge.acknowledge(`producer id ${producerId} is given`, async ({ broker }) => {
        const next = await broker.cluster.nextProducerId()
        if (next <= producerId) throw new Error(`the next one is ${next}`)
      })
    })
    if (round % 2 === 0) await this.#try('a partition', () => this.#addPartition())
  }

  async #addPartition(): Promise<void> {
    const count = (await this.#client.topic('orders', { refresh: true }))!.partitions.length + 1
    await this.#client.admin.createPartitions('orders', count)
    this.#knowledge.acknowledge(`orders has ${count} partitions`, ({ broker }) => {
      const partitions = broker.cluster.topic('orders')?.partitions ?? 0
      if (partitions < count) throw new Error(`it has ${partitions}`)
    })
  }

  /** Records by DeleteRecords, segments by retention. */
  async deleteRecords(round: number): Promise<void> {
    const value = `click ${this.#options.name}.${this.#knowledge.number()}`
    await this.#try(value, () => this.#send('clicks', 0, value, 'y'.repeat(300)))
    if (round % 3 !== 1) return
    await this.#try('DeleteRecords', async () => {
      const [latest] = await this.#client.admin.listOffsets([{ topic: 'clicks', partition: 0, spec: 'latest' }])
      const { offset } = latest!
      await this.#client.admin.deleteRecords([{ topic: 'clicks', partition: 0, offset: offset - 1 }])
      this.#knowledge.acknowledge(`records before ${offset - 1} of clicks are deleted`, ({ broker }) => {
        const { logStartOffset } = broker.logs.get('clicks', 0)!
        if (logStartOffset < offset - 1) throw new Error(`the log starts at ${logStartOffset}`)
      })
    })
  }
}

async function valueAt(opened: Opened, topic: string, partition: number, offset: number): Promise<string | null | undefined> {
  return (await opened.records(topic, partition)).find((record) => record.offset === offset)?.value
}

function expectEqual(found: string | null | undefined, expected: string): void {
  if (found !== expected) throw new Error(`found ${found ?? 'nothing'}`)
}
