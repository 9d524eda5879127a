/**
 * A workload of clients that are not ours, against any bootstrap address: idempotent and transactional writers, transactions that copy,
 * consumers of both isolation levels. It ends with a last record in every partition, which all readers must reach, and gives its history.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { until } from '../until.ts'
import { type Copy, copier, reader, transactionWriter, writer } from './actors.ts'
import { type History, type Isolation, now, type Operation } from './history.ts'
import { Inspector } from './inspector.ts'
import { javaCopies, javaProcesses, javaReads, startJavaActors } from './java-actors.ts'
import { kafkajsProducer, kafkajsReader, kafkajsTransactions } from './kafkajs-client.ts'
import { librdkafkaProducer, librdkafkaReader } from './librdkafka-client.ts'
import { platformaticReader, platformaticTransactions } from './platformatic-client.ts'
import { keyOf, keysOf, lastValue, partitionsOf, Scene, type Topic, topics } from './scene.ts'

const END_MS = 45_000
/** A client that makes progress is waited for so many times. */
const MAX_WAITS = 8

const allTopics = Object.keys(topics) as Topic[]
const KAFKAJS_COPIES = { from: 'input', into: 'copies', group: 'kafkajs-copies' } as const
const COMMITTING_GROUP = 'kafkajs-reads'

export interface Workload {
  /** Operations that have happened, by process; 0 for a process that has done nothing yet. */
  progress(): Map<string, number>
  /** The processes that write. */
  readonly writers: readonly string[]
  /** Asks for the positions of all groups, into the history. */
  observeGroups(): Promise<void>
  /** Stops the writers, waits for the readers, and looks at what is left. */
  finish(): Promise<History>
}

export interface WorkloadOptions {
  readonly bootstrap: string
  readonly random: () => number
  /** How long a client may be without progress at the end, with transactions that only their timeout ends. */
  readonly endMs?: number
  /** With Kafka's libraries on the machine: the script that runs a Java class with them. */
  readonly javaScript?: string
}

export async function startWorkload({ bootstrap, random, javaScript, endMs = END_MS }: WorkloadOptions): Promise<Workload> {
  const scene = new Scene(bootstrap, random)
  const inspector = new Inspector(bootstrap, endMs)
  await inspector.createTopics()

  const writers = new Map<string, Promise<void>>([
    ['librdkafka writer', writer(scene, 'librdkafka writer', ['events', 'input'], () => librdkafkaProducer(bootstrap))],
    ['kafkajs writer', writer(scene, 'kafkajs writer', ['events'], () => kafkajsProducer(bootstrap))],
    [
      'kafkajs transactions',
      // The only transactional writer of the input: see KafkaJS's reader.
      transactionWriter(scene, 'kafkajs transactions', ['events', 'input'], () => kafkajsTransactions(bootstrap, 'kafkajs-writes')),
    ],
    [
      'platformatic transactions',
      // An id for each client: what the one before it has left open, its timeout ends.
      transactionWriter(scene, 'platformatic transactions', ['events'], () => platformaticTransactions(bootstrap, `platformatic-${now()}`)),
    ],
  ])
  const copiers = new Map<string, Promise<void>>([
    [
      'kafkajs copier',
      copier(
        scene,
        'kafkajs copier',
        KAFKAJS_COPIES,
        () => kafkajsTransactions(bootstrap, 'kafkajs-copies'),
        (options) => kafkajsReader(bootstrap, options),
      ),
    ],
  ])
  const assigned = (process: string, isolation: Isolation) =>
    reader(scene, process, { topics: allTopics, isolation, group: null }, (options) => librdkafkaReader(bootstrap, options))
  const readers = new Map<string, Promise<void>>([
    ['librdkafka read_committed', assigned('librdkafka read_committed', 'read_committed')],
    ['librdkafka read_uncommitted', assigned('librdkafka read_uncommitted', 'read_uncommitted')],
    [
      'kafkajs reader',
      reader(scene, 'kafkajs reader', { topics: ['events'], isolation: 'read_uncommitted', group: COMMITTING_GROUP }, (options) =>
        kafkajsReader(bootstrap, options),
      ),
    ],
    [
      'platformatic reader',
      reader(scene, 'platformatic reader', { topics: allTopics, isolation: 'read_uncommitted', group: 'platformatic-reads' }, (options) =>
        platformaticReader(bootstrap, options),
      ),
    ],
  ])

  const copies: Copy[] = [KAFKAJS_COPIES]
  const groups: [string, Topic][] = [
    [KAFKAJS_COPIES.group, KAFKAJS_COPIES.from],
    [COMMITTING_GROUP, 'events'],
    ['platformatic-reads', 'events'],
  ]
  const java = javaScript ? startJavaActors(javaScript, bootstrap, Math.floor(random() * 2 ** 31), scene.operations) : null
  if (java) {
    for (const name of javaProcesses.writers) writers.set(name, java.done(name))
    for (const name of javaProcesses.copiers) copiers.set(name, java.done(name))
    for (const name of javaProcesses.readers) readers.set(name, java.done(name))
    copies.push(javaCopies)
    groups.push([javaCopies.group, javaCopies.from], [javaReads, 'events'])
  }
  const counter = new ProgressCounter([...writers.keys(), ...copiers.keys(), ...readers.keys()])
  // What an actor throws is reported when it is waited for.
  for (const actor of [...writers.values(), ...copiers.values(), ...readers.values()]) actor.catch(() => {})

  async function observeGroups(): Promise<void> {
    for (const [group, topic] of groups) {
      const operation = scene.begin('inspector')
      for (const [key, offset] of await inspector.committed(group, topic)) operation.committed(group, key, offset)
      operation.end('ok')
    }
  }

  async function finish(): Promise<History> {
    const unfinished: string[] = []
    /** Whether all have come to their end; those that have not, and do nothing more, are `unfinished`. */
    const all = async (steps: Iterable<readonly [string, Promise<unknown>]>): Promise<boolean> => {
      const before = unfinished.length
      for (const [name, step] of steps) {
        const ended = await endOf(step, () => counter.count(scene.operations).get(name) ?? 0, endMs)
        if (ended !== null) unfinished.push(`${name}: ${ended}`)
      }
      return unfinished.length === before
    }
    /** The last records are read when no transaction is open before them. */
    const endPartitions = (of: readonly Topic[]) => all([[`the end of ${of.join(', ')}`, writeLast(scene, inspector, of, endMs)]])
    scene.writing = false
    java?.stopWriting()
    const isComplete =
      (await all(writers)) &&
      (await endPartitions(['events', 'input'])) &&
      (await all(copiers)) &&
      (await endPartitions(['copies'])) &&
      (await all(readers)) &&
      (await all([
        ['final read_committed', assigned('final read_committed', 'read_committed')],
        ['final read_uncommitted', assigned('final read_uncommitted', 'read_uncommitted')],
      ]))
    scene.over = true
    await java?.close()
    // After a broker's mistake a client may hang: its process is the caller's to end.
    await endOf(Promise.allSettled([...copiers.values(), ...readers.values()]), () => 0, endMs)
    await all([['the positions of the groups', observeGroups()]])
    return {
      operations: scene.operations,
      isComplete,
      ends: await inspector.ends(allTopics),
      openTransactions: await lastTransactions(inspector, endMs),
      unfinished,
      copiers: copies.map(({ group, from }) => ({ group, keys: keysOf(from) })),
    }
  }

  return { progress: () => counter.count(scene.operations), writers: [...writers.keys()], observeGroups, finish }
}

async function writeLast(scene: Scene, inspector: Inspector, into: readonly Topic[], limitMs: number): Promise<void> {
  await until(
    async () => (await inspector.ends(into)).every(({ endOffset, lastStableOffset }) => lastStableOffset === endOffset),
    'every transaction has ended',
    limitMs,
  )
  const producer = await kafkajsProducer(scene.bootstrap)
  for (const topic of into)
    for (const partition of partitionsOf(topic)) {
      const key = keyOf(topic, partition)
      const operation = scene.begin('last records')
      operation.send({ key, value: lastValue(key), offset: null })
      const offset = await producer.send(topic, partition, [lastValue(key)])
      operation.acknowledge(() => offset)
      operation.end('ok')
    }
  await producer.close()
}

/** The transactions that are open when each has had the time to end. */
async function lastTransactions(inspector: Inspector, limitMs: number): Promise<string[]> {
  let open: string[] = []
  await until(async () => (open = await inspector.openTransactions()).length === 0, 'every transaction has ended', limitMs).catch(() => {})
  return open
}

/** Counts the operations that have happened; each operation is looked at once. */
class ProgressCounter {
  readonly #counts: Map<string, number>
  #counted = 0

  constructor(processes: readonly string[]) {
    this.#counts = new Map(processes.map((name) => [name, 0]))
  }

  count(operations: readonly Operation[]): Map<string, number> {
    for (; this.#counted < operations.length; this.#counted++) {
      const { process, ending } = operations[this.#counted]!
      if (ending === 'ok') this.#counts.set(process, (this.#counts.get(process) ?? 0) + 1)
    }
    return new Map(this.#counts)
  }
}

/** Null when `step` has come to its end; why not, when it has failed or has made no progress for so long. */
async function endOf(step: Promise<unknown>, progress: () => number, withoutProgressMs: number): Promise<string | null> {
  const ended = step.then(() => null, String)
  for (let waits = 0; waits < MAX_WAITS; waits++) {
    const before = progress()
    const result = await Promise.race([ended, pause(withoutProgressMs, 'waiting' as const, { ref: false })])
    if (result !== 'waiting') return result
    if (progress() === before) return `nothing more within ${withoutProgressMs} ms`
  }
  return `still not done after ${MAX_WAITS} times ${withoutProgressMs} ms`
}
