/**
 * Goal: Kafka Streams counts exactly once on our broker (exactly_once_v2). Method: a word count with a repartition topic, a store and its
 * changelog; kill -9 of the application, of the broker and of both at once in the middle. Without a cache each occurrence of a word writes
 * its count, so what a read_committed reader gets of a word must be 1, 2, 3 … in order: a lost record is a gap, a doubled one a repetition.
 * TRIBUTARY_TEST_PEERS_BROKER=kafka runs it on Apache Kafka.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Client, createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { TRANSACTION_SETTINGS } from '../conformance/transaction-scenario.ts'
import { startTestBroker } from '../running-broker.ts'
import { until } from '../until.ts'
import { startApacheKafka } from './apache-kafka.ts'
import { javaProgram } from './java-program.ts'
import { launch } from './launch.ts'
import { mavenClassPath } from './maven-jars.ts'

const STREAMS = ['org.apache.kafka:kafka-streams:4.3.1', 'org.slf4j:slf4j-nop:1.7.36']
const PARTITIONS = 3
const LINES = 6_000
const WORDS = ['river', 'lake', 'delta', 'spring', 'meander', 'tributary', 'weir']
const PROGRESS_MS = 120_000

/** Two words in each line. */
const line = (index: number): string => `${WORDS[index % WORDS.length]} ${WORDS[(index * 5 + 3) % WORDS.length]}`

const startBroker = () =>
  process.env.TRIBUTARY_TEST_PEERS_BROKER === 'kafka' ? startApacheKafka(TRANSACTION_SETTINGS) : startTestBroker(TRANSACTION_SETTINGS)

/** Reads `counts` as read_committed: the counts of each word in the order of their offsets. */
class Counts {
  readonly byWord = new Map<string, number[]>()
  total = 0
  readonly #client: Client
  #reading: Promise<void> | undefined
  #stopped = false

  constructor(client: Client) {
    this.#client = client
  }

  start(): void {
    const consumer = this.#client.consumer({ isolationLevel: 'read_committed' })
    consumer.assign(Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: 'counts', partition, offset: 'earliest' as const })))
    this.#reading = (async () => {
      while (!this.#stopped)
        for (const { records } of await consumer.poll(200))
          for (const { key, value } of records) {
            const word = key!.toString()
            const counts = this.byWord.get(word) ?? []
            counts.push(Number(value!.readBigInt64BE()))
            this.byWord.set(word, counts)
            this.total++
          }
      await consumer.close()
    })()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#reading
  }
}

const program = await javaProgram('word-count', await mavenClassPath('streams-4.3.1', STREAMS))

test('a word count of Kafka Streams is exact through kill -9 of the application and of the broker', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'tributary-streams-'))
  onTestFinished(() => rmSync(stateDir, { recursive: true, force: true }))
  const broker = await startBroker()
  onTestFinished(() => broker.stop())
  const client = createClient({ bootstrapServers: broker.address, clientId: 'lines' }, realSystem('silent'))
  onTestFinished(() => client.close())
  const topics = ['lines', 'counts'].map((name) => ({ name, partitions: PARTITIONS, replicationFactor: 1 }))
  for (const error of (await client.admin.createTopics(topics)).values()) if (error) throw error
  const producer = client.producer()
  await producer.send(
    Array.from({ length: LINES }, (_, index) => ({
      topic: 'lines',
      partition: index % PARTITIONS,
      key: null,
      value: Buffer.from(line(index)),
    })),
  )
  const counts = new Counts(client)
  counts.start()
  onTestFinished(() => counts.stop())

  const startWordCount = () =>
    launch('the word count', program.command, program.args(broker.address, stateDir), { ready: async () => true })
  let app = await startWordCount()
  onTestFinished(() => app.end('SIGKILL'))
  const expected = LINES * 2
  const progress = (part: number) =>
    until(() => counts.total >= part * expected, `${part * 100} % are counted; ${counts.total} of ${expected} now`, PROGRESS_MS)

  await progress(0.15)
  await app.end('SIGKILL')
  app = await startWordCount()
  await progress(0.35)
  await broker.kill()
  await broker.start()
  await progress(0.55)
  await Promise.all([app.end('SIGKILL'), broker.kill()])
  await broker.start()
  app = await startWordCount()
  await progress(0.75)
  await broker.kill()
  await broker.start()
  await progress(1)
  await app.end('SIGTERM')

  const occurrences = new Map<string, number>()
  for (let index = 0; index < LINES; index++)
    for (const word of line(index).split(' ')) occurrences.set(word, (occurrences.get(word) ?? 0) + 1)
  for (const [word, times] of occurrences)
    expect(counts.byWord.get(word), `the counts of ${word}`).toEqual(Array.from({ length: times }, (_, index) => index + 1))
  expect([...counts.byWord.keys()].sort()).toEqual([...occurrences.keys()].sort())
}, 600_000)
