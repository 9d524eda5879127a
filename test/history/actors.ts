/**
 * What the clients of a workload do, each in its own loop, and how it is written down. A client that gives up is replaced: what it was
 * doing is unknown, or has failed if it is a transaction whose commit was never requested.
 */
import { setTimeout as pause } from 'node:timers/promises'
import {
  type ForeignProducer,
  type ForeignReader,
  type ForeignTransaction,
  type ForeignTransactionalProducer,
  type ReaderOptions,
  timings,
} from './foreign-client.ts'
import type { Ending, Isolation, OpenOperation, PlacedRecord } from './history.ts'
import { keyOf, keysOf, Progress, type Scene, type Topic, topics } from './scene.ts'

/** How many of the transactions are aborted on purpose. */
const ABORTED_SHARE = 0.25

const closeQuietly = async (client: { close(): Promise<void> } | null): Promise<void> => {
  // Its broker may be gone: nothing depends on a clean end.
  await client?.close().catch(() => {})
}

async function write(
  scene: Scene,
  process: string,
  operation: OpenOperation,
  client: Pick<ForeignProducer, 'send'>,
  target: { topic: Topic; serial: string },
): Promise<void> {
  const { topic, serial } = target
  const partition = scene.between(0, topics[topic] - 1)
  const key = keyOf(topic, partition)
  const values = Array.from({ length: scene.between(1, 5) }, (_, i) => `${process} ${serial}.${i}`)
  for (const value of values) operation.send({ key, value, offset: null })
  const first = await client.send(topic, partition, values)
  operation.acknowledge(({ value }) => {
    const at = values.indexOf(value)
    return first === null || at === -1 ? null : first + at
  })
}

/** Batches without a transaction. */
export async function writer(scene: Scene, process: string, into: readonly Topic[], open: () => Promise<ForeignProducer>): Promise<void> {
  let client: ForeignProducer | null = null
  for (let serial = 0; scene.writing; serial++) {
    try {
      client ??= await open()
    } catch {
      await pause(timings.restartBackoffMs)
      continue
    }
    const operation = scene.begin(process)
    try {
      await write(scene, process, operation, client, { topic: scene.among(into), serial: `${serial}` })
      operation.end('ok')
    } catch {
      operation.end('info')
      await closeQuietly(client)
      client = null
      await pause(timings.restartBackoffMs)
    }
  }
  await closeQuietly(client)
}

/** Transactions of a few batches; some of them are aborted. */
export async function transactionWriter(
  scene: Scene,
  process: string,
  into: readonly Topic[],
  open: () => Promise<ForeignTransactionalProducer>,
): Promise<void> {
  let client: ForeignTransactionalProducer | null = null
  for (let serial = 0; scene.writing; serial++) {
    let operation: OpenOperation | null = null
    try {
      client ??= await open()
      const transaction = await client.begin()
      operation = scene.begin(process, true)
      const batches = scene.between(1, 4)
      for (let n = 0; n < batches; n++)
        await write(scene, process, operation, transaction, { topic: scene.among(into), serial: `${serial}.${n}` })
      if (scene.random() < ABORTED_SHARE) {
        await transaction.abort()
        operation.end('fail')
      } else {
        operation.decide()
        await transaction.commit()
        operation.end('ok')
      }
    } catch {
      operation?.end(operation.isDecided ? 'info' : 'fail')
      await closeQuietly(client)
      client = null
      await pause(timings.restartBackoffMs)
    }
  }
  await closeQuietly(client)
}

/** Reads until the end of the workload; as the member of a group it commits what it has read. */
export async function reader(
  scene: Scene,
  process: string,
  from: { topics: readonly Topic[]; isolation: Isolation; group: string | null },
  open: (options: ReaderOptions) => Promise<ForeignReader>,
): Promise<void> {
  const progress = new Progress(keysOf(...from.topics))
  while (!progress.isDone && !scene.over) {
    let client: ForeignReader | null = null
    let isAssignedAnew = true
    let hasStopped = false
    try {
      client = await open({
        ...from,
        onAssigned: () => {
          isAssignedAnew = true
        },
        onStopped: () => {
          hasStopped = true
        },
        async onRecords(records) {
          if (records.length === 0) return
          const operation = scene.begin(process)
          if (isAssignedAnew) operation.assign('all')
          isAssignedAnew = false
          operation.poll(from.isolation, records)
          progress.add(records)
          operation.end(await commitAfter(operation, client, from, records))
        },
      })
    } catch {
      await pause(timings.restartBackoffMs)
      continue
    }
    while (!progress.isDone && !scene.over && !hasStopped) await pause(20)
    await closeQuietly(client)
  }
}

/** A member that is not in its group any more may not commit: then the records come again. */
async function commitAfter(
  operation: OpenOperation,
  client: ForeignReader | null,
  { topics, group }: { topics: readonly Topic[]; group: string | null },
  records: readonly PlacedRecord[],
): Promise<Ending> {
  if (group === null || client === null) return 'ok'
  try {
    for (const { topic, partition, key, offset } of positionsAfter(topics, records)) {
      operation.commit(group, key, offset)
      await client.commit(topic, partition, offset)
    }
    return 'ok'
  } catch {
    return 'info'
  }
}

const positionsAfter = (from: readonly Topic[], records: readonly PlacedRecord[]) =>
  [...Map.groupBy(records, ({ key }) => key)].map(([key, of]) => {
    const at = key.lastIndexOf('-')
    const topic = from.find((name) => name === key.slice(0, at))!
    return { topic, partition: Number(key.slice(at + 1)), key, offset: of.at(-1)!.offset + 1 }
  })

export interface Copy {
  readonly from: Topic
  readonly into: Topic
  readonly group: string
}

/** Read, process, write: every record goes from one topic to another once, in a transaction with the position behind it. */
export async function copier(
  scene: Scene,
  process: string,
  { from, into, group }: Copy,
  openTransactions: () => Promise<ForeignTransactionalProducer>,
  openReader: (options: ReaderOptions) => Promise<ForeignReader>,
): Promise<void> {
  const progress = new Progress(keysOf(from))
  for (let serial = 0; !progress.isDone && !scene.over; serial++) {
    let producer: ForeignTransactionalProducer | null = null
    let reading: ForeignReader | null = null
    try {
      producer = await openTransactions()
      // A beginning producer ends what the one before it has left open: only then are the positions of the group what they will be.
      const client = new CopyingClient(scene, `${process} ${serial}`, { from, into, group }, producer, await producer.begin())
      reading = await openReader({
        topics: [from],
        isolation: 'read_committed',
        group,
        onAssigned: () => client.assign(),
        onStopped: () => client.stop(),
        async onRecords(records) {
          await client.copy(process, records)
          progress.add(records)
        },
      })
      while (!progress.isDone && !scene.over && !client.hasFailed) await pause(20)
    } catch {
      await pause(timings.restartBackoffMs)
    }
    await closeQuietly(reading)
    await closeQuietly(producer)
  }
}

class CopyingClient {
  hasFailed = false
  #isAssignedAnew = true
  #serial = 0
  #transaction: ForeignTransaction | null
  readonly #scene: Scene
  readonly #name: string
  readonly #copy: Copy
  readonly #producer: ForeignTransactionalProducer

  constructor(scene: Scene, name: string, copy: Copy, producer: ForeignTransactionalProducer, first: ForeignTransaction) {
    this.#scene = scene
    this.#name = name
    this.#copy = copy
    this.#producer = producer
    this.#transaction = first
  }

  assign(): void {
    this.#isAssignedAnew = true
  }

  stop(): void {
    this.hasFailed = true
  }

  /** After an error nothing more is copied: the records come again to the next client. */
  async copy(process: string, records: readonly PlacedRecord[]): Promise<void> {
    if (this.hasFailed) throw new Error('this client has given up')
    const operation = this.#scene.begin(process, true)
    if (this.#isAssignedAnew) operation.assign('all')
    this.#isAssignedAnew = false
    operation.poll('read_committed', records)
    const { from, into, group } = this.#copy
    try {
      const transaction = this.#transaction ?? (await this.#producer.begin())
      this.#transaction = null
      for (const { topic, partition, key, offset } of positionsAfter([from], records)) {
        const target = partition % topics[into]
        const sources = records.filter((record) => record.key === key)
        const values = sources.map(({ value }) => `${this.#name}.${this.#serial++}: ${value}`)
        for (const [i, value] of values.entries())
          operation.send({ key: keyOf(into, target), value, offset: null, source: { group, key, offset: sources[i]!.offset } })
        const first = await transaction.send(into, target, values)
        operation.acknowledge(({ value }) => {
          const at = values.indexOf(value)
          return first === null || at === -1 ? null : first + at
        })
        operation.commit(group, key, offset)
        await transaction.sendOffset(group, topic, partition, offset)
      }
      if (this.#scene.random() < ABORTED_SHARE) {
        await transaction.abort()
        throw new Error('aborted on purpose')
      }
      operation.decide()
      await transaction.commit()
      operation.end('ok')
    } catch (error) {
      this.hasFailed = true
      operation.end(operation.isDecided ? 'info' : 'fail')
      throw error
    }
  }
}
